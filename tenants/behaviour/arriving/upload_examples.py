"""Examples of the OpenAPI document about uploads; a test holds them against their schemas."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter

WAITING: dict[str, Any] = {
    "id": "upl_0353F0mAHdwSgGNeXHLs2l",
    "object": "upload",
    "kind": "events",
    "name": "events.csv",
    "source": "",
    "bytes": 48213,
    "bytes_received": 48213,
    "status": "received",
    "rows_done": 0,
    "report": None,
    "dry_run": None,
    "error": None,
    "created_at": "2026-11-16T09:30:00Z",
    "finished_at": None,
}
DONE: dict[str, Any] = {
    **WAITING,
    "status": "done",
    "rows_done": 500,
    "report": {
        "received": 500,
        "accepted": 499,
        "duplicate": 0,
        "quarantined": 0,
        "rejected": 1,
        "outcomes": [
            {"bucket": "rejected", "code": "missing_item", "count": 1, "first_rows": [17]},
        ],
        "steps": ["missing_item", "missing_user"],
        "first_time": "2026-11-02T08:00:00+00:00",
        "last_time": "2026-11-15T21:10:00+00:00",
        "items_created": 12,
        "subjects_seen": 80,
        "details": {},
        "plan": {},
    },
    "finished_at": "2026-11-16T09:30:04Z",
}
SENT = OpenApiExample(
    "Events",
    value={
        "kind": "events",
        "file": "user_id,item_id,type,occurred_at\n13085,22423,purchase,2026-11-15T21:10:00Z\n",
    },
    request_only=True,
    media_type="multipart/form-data",
)
TAKEN = OpenApiExample("Taken", value=WAITING, response_only=True, status_codes=["202"])
BEGUN = OpenApiExample(
    "In parts",
    value={"kind": "events", "name": "events.csv", "bytes": 48213},
    request_only=True,
    media_type="application/json",
)
FETCHED = OpenApiExample(
    "From an object store",
    value={"kind": "events", "source": "s3://shop-exports/2026/events.csv.gz"},
    request_only=True,
    media_type="application/json",
)
BEGUN_ANSWER = OpenApiExample(
    "Begun",
    value={**WAITING, "status": "receiving", "bytes_received": 0},
    response_only=True,
    status_codes=["201"],
)
PART = OpenApiExample(
    "The last part",
    value="user_id,item_id,type,occurred_at\n13085,22423,purchase,2026-11-15T21:10:00Z\n",
    request_only=True,
    media_type="application/octet-stream",
)
PART_TAKEN = OpenApiExample(
    "Taken",
    value={**WAITING, "status": "receiving"},
    response_only=True,
)
COMPLETED = OpenApiExample(
    "All parts were sent",
    value={"sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
    request_only=True,
)
STARTED = OpenApiExample(
    "As it was checked, but for one column",
    value={"mapping": {"item_title": "Product name"}},
    request_only=True,
)
GIVEN_UP = OpenApiExample(
    "Given up",
    value={
        **WAITING,
        "status": "failed",
        "bytes_received": 0,
        "error": {
            "code": "upload_cancelled",
            "params": {},
            "message": "The upload was given up before it was complete. Nothing of it was stored.",
        },
        "finished_at": "2026-11-16T09:40:00Z",
    },
    response_only=True,
)
PROCESSED = OpenApiExample("Processed", value=DONE, response_only=True)
LISTED = OpenApiExample(
    "Uploads",
    value={"object": "list", "data": [DONE], "has_more": False},
    response_only=True,
)
UPLOAD_ID = OpenApiParameter(
    "upload_id",
    str,
    OpenApiParameter.PATH,
    description="As `id` in the answer to the upload: upl_…",
    examples=[OpenApiExample("An upload", value="upl_0353F0mAHdwSgGNeXHLs2l")],
)
OFFSET = OpenApiParameter(
    "offset",
    int,
    OpenApiParameter.PATH,
    description="At which byte of the file the part begins: `bytes_received` of the upload.",
    examples=[OpenApiExample("The first part", value=0)],
)
DIGEST = OpenApiParameter(
    "Content-Digest",
    str,
    OpenApiParameter.HEADER,
    description="SHA-256 of the part (RFC 9530): `sha-256=:…:` in base64. What differs is refused.",
)
