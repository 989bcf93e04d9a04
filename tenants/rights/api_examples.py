"""Examples of the OpenAPI document about rights requests; a test holds them to their schemas."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from tenants.rights import kinds

REQUEST = "rrq_0353F0mAHdwSgGNeXHLs2l"
TAKEN: dict[str, Any] = {
    "id": REQUEST,
    "object": "rights_request",
    "kind": "access",
    "status": "received",
    "law": "gdpr",
    "jurisdiction": "DE",
    "purposes": [],
    "received_at": "2026-11-16T09:30:00Z",
    "due_on": "2026-12-16",
    "days_left": 30,
    "overdue": False,
    "acknowledge_by": None,
    "acknowledged_at": None,
    "extended_at": None,
    "verified_at": None,
    "refusal": None,
    "answer": "",
    "export": None,
    "erasure": None,
    "closed_at": None,
}
EXPORT = {
    "id": "sbx_0353F0mAHdwSgGNeXHLs2l",
    "status": "waiting",
    "bytes": None,
    "sha256": None,
    "expires_at": None,
}
VERIFIED = {
    **TAKEN,
    "status": "in_progress",
    "verified_at": "2026-11-16T10:02:00Z",
    "export": EXPORT,
}
READY = {
    **EXPORT,
    "status": "done",
    "bytes": 18211,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "expires_at": "2026-11-23T10:03:00Z",
}


def _answer(name: str, value: Any, status: str = "200") -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True, status_codes=[status])


def _body(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


ACCESS = _body(
    "Access",
    {
        "user_id": "13085",
        "kind": "access",
        "jurisdiction": "DE",
        "evidence": {"kind": "signed_in", "reference": "ticket 4711"},
    },
)
OFF = _body("Personal recommendations off", {"user_id": "13085", "kind": "opt_out"})
MADE = _answer("Taken in", TAKEN, "201")
FOUND = _answer("Verified", VERIFIED)
LISTED = _answer("Requests", {"object": "list", "data": [VERIFIED], "has_more": False})
ACKNOWLEDGED = _answer("Acknowledged", {**TAKEN, "acknowledged_at": "2026-11-16T09:31:00Z"})
SHOWN = _body("Evidence", {"evidence": {"kind": "document", "reference": "drawer 3"}})
MORE_TIME = _body("More time", {"reason": "complex", "answer": "Your data lie in several systems."})
EXTENDED = _answer(
    "Extended",
    {
        **VERIFIED,
        "due_on": "2027-02-16",
        "days_left": 92,
        "extended_at": "2026-11-20T08:00:00Z",
        "answer": "Your data lie in several systems.",
    },
)
NO = _body(
    "Refusal", {"reason": "identity_not_shown", "answer": "We could not tell that it was you."}
)
REFUSED = _answer(
    "Refused",
    {
        **TAKEN,
        "status": "refused",
        "days_left": None,
        "refusal": "identity_not_shown",
        "answer": "We could not tell that it was you.",
        "closed_at": "2026-11-20T08:00:00Z",
    },
)
DO = _body("Complete", {"answer": "Your export is attached."})
DONE = _answer(
    "Done",
    {
        **VERIFIED,
        "status": "done",
        "days_left": None,
        "answer": "Your export is attached.",
        "export": READY,
        "closed_at": "2026-11-20T08:00:00Z",
    },
)
AGAIN = _answer("Export on its way", VERIFIED, "202")
FIX = _body("Other values", {"event_id": "order-4711-1", "change": {"value": 12.5}})
FORGET = _body("Deletion", {"event_id": "order-4711-1", "delete": True})
CORRECTED = _answer(
    "Corrected",
    {
        "id": "cor_0353F0mAHdwSgGNeXHLs2l",
        "object": "correction",
        "kind": "event_changed",
        "version": 1,
        "columns": ["value"],
        "frozen": 1,
        "recipients": ["Parcel service"],
        "created_at": "2026-11-20T08:00:00Z",
    },
    "201",
)
ZIP = OpenApiExample("A zip file", value="PK…", response_only=True, media_type="application/zip")
REQUEST_ID = OpenApiParameter(
    "request_id",
    str,
    OpenApiParameter.PATH,
    description="As `id` in the answer that took it in: rrq_…",
    examples=[OpenApiExample("A request", value=REQUEST)],
)
STATE = OpenApiParameter(
    "state",
    OpenApiTypes.STR,
    enum=["open", *kinds.STATES],
    description="Only requests in this state; `open` is every state before the end.",
)
KIND = OpenApiParameter(
    "kind", OpenApiTypes.STR, enum=list(kinds.KINDS), description="Only requests of this kind."
)
OVERDUE = OpenApiParameter(
    "overdue", OpenApiTypes.BOOL, description="Only open requests whose last day is over."
)
