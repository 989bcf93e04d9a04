"""The one table of who may do what at which address, and how a request to each is made.

The tests walk it, and so does the benchmark of isolation: a route that is not here fails both.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from io import BytesIO
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver

from tenants.access.rights import Right
from tenants.behaviour.asking import look
from tenants.behaviour.models import Item, RejectedRows, Upload
from tenants.behaviour.processing.rejected import sealed_cells
from tenants.behaviour.reading.opening import open_table
from tenants.departure import files
from tenants.evidence.models import EvidenceExport
from tenants.ids import public_id
from tenants.rights.models import RightsRequest, SubjectExport
from tenants.subjects.directory import resolve
from tenants.tracking.addresses import PATHS
from tests.tenants.isolation.rows import fill_every_table
from training.jobs.models import Job

# Segment's tracking API: whole batches, and single calls by their names and first letters.
TRACKING = tuple(sorted(path.removeprefix("/v1/") for path in PATHS))

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

# Route -> method -> the scope that a key needs. HEAD is GET without its body.
API: dict[str, dict[str, Right]] = {
    "v1/audit/entries": {"GET": Right.READ_AUDIT},
    "v1/audit/checkpoints": {"GET": Right.READ_AUDIT},
    "v1/audit/exports": {"GET": Right.READ_AUDIT, "POST": Right.READ_AUDIT},
    "v1/audit/exports/<str:evidence_id>": {"GET": Right.READ_AUDIT},
    "v1/audit/exports/<str:evidence_id>/content": {"GET": Right.READ_AUDIT},
    "v1/consents": {"GET": Right.READ_CONSENTS, "POST": Right.WRITE_CONSENTS},
    "v1/consents/state": {"GET": Right.READ_CONSENTS},
    "v1/consents/signals": {"POST": Right.WRITE_CONSENTS},
    "v1/events": {"POST": Right.WRITE_EVENTS},
    "v1/event_types": {"GET": Right.READ_EVENTS},
    "v1/event_batches": {"GET": Right.READ_EVENTS},
    "v1/event_batches/<str:batch_id>": {"GET": Right.READ_EVENTS},
    **{f"v1/{name}": {"POST": Right.WRITE_EVENTS} for name in TRACKING},
    "v1/items": {"GET": Right.READ_EVENTS, "POST": Right.WRITE_EVENTS},
    "v1/items/<path:item_id>": {
        "GET": Right.READ_EVENTS,
        "PATCH": Right.WRITE_EVENTS,
        "DELETE": Right.WRITE_EVENTS,
    },
    "v1/uploads": {"GET": Right.READ_EVENTS, "POST": Right.WRITE_EVENTS},
    "v1/uploads/<str:upload_id>": {"GET": Right.READ_EVENTS},
    "v1/uploads/<str:upload_id>/parts/<int:offset>": {"PUT": Right.WRITE_EVENTS},
    "v1/uploads/<str:upload_id>/complete": {"POST": Right.WRITE_EVENTS},
    "v1/uploads/<str:upload_id>/start": {"POST": Right.WRITE_EVENTS},
    "v1/uploads/<str:upload_id>/cancel": {"POST": Right.WRITE_EVENTS},
    "v1/uploads/<str:upload_id>/rejected": {"GET": Right.WRITE_EVENTS},
    "v1/erasures/<str:erasure_id>": {"GET": Right.MANAGE_RIGHTS},
    "v1/erasures/<str:erasure_id>/certificate": {"GET": Right.MANAGE_RIGHTS},
    "v1/fine_tuning/estimates": {"POST": Right.READ_MODELS},
    "v1/fine_tuning/jobs": {"GET": Right.READ_MODELS, "POST": Right.MANAGE_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>": {"GET": Right.READ_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>/cancel": {"POST": Right.MANAGE_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>/pause": {"POST": Right.MANAGE_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>/resume": {"POST": Right.MANAGE_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>/events": {"GET": Right.READ_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>/checkpoints": {"GET": Right.READ_MODELS},
    "v1/fine_tuning/jobs/<str:job_id>/metrics": {"GET": Right.READ_MODELS},
    "v1/models": {"GET": Right.READ_MODELS},
    "v1/models/<str:model_id>": {"GET": Right.READ_MODELS},
    "v1/models/<str:model_id>/consents": {"GET": Right.READ_CONSENTS},
    "v1/consents/<str:consent_id>/models": {"GET": Right.READ_CONSENTS},
    "v1/recommendations": {"GET": Right.READ_RECOMMENDATIONS},
    "v1/profile": {"GET": Right.MANAGE_RIGHTS},
    "v1/profile/removals": {"POST": Right.MANAGE_RIGHTS},
    "v1/profile/removals/<str:removal_id>": {"DELETE": Right.MANAGE_RIGHTS},
    "v1/rights_requests": {"GET": Right.MANAGE_RIGHTS, "POST": Right.MANAGE_RIGHTS},
    "v1/rights_requests/<str:request_id>": {"GET": Right.MANAGE_RIGHTS},
    **{
        f"v1/rights_requests/<str:request_id>/{what}": {"POST": Right.MANAGE_RIGHTS}
        for what in ("acknowledge", "verify", "extend", "refuse", "complete", "corrections")
    },
    "v1/rights_requests/<str:request_id>/export": {
        "GET": Right.MANAGE_RIGHTS,
        "POST": Right.MANAGE_RIGHTS,
    },
    "v1/usage": {"GET": Right.READ_USAGE},
}
# Route -> method -> the right that a member needs.
PAGES: dict[str, dict[str, Right]] = {
    "": {"GET": Right.READ_OVERVIEW},
    "data/": {"GET": Right.READ_EVENTS},
    "data/quality/": {"GET": Right.READ_EVENTS},
    "data/types/": {"GET": Right.READ_EVENTS},
    "data/types/save/": {"POST": Right.WRITE_EVENTS},
    "data/schema/": {"GET": Right.READ_EVENTS},
    "data/schema/sample/": {"GET": Right.READ_EVENTS},
    "data/upload/": {"POST": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/": {"GET": Right.READ_EVENTS},
    "data/uploads/begin/": {"POST": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/arrived/": {"GET": Right.READ_EVENTS},
    "data/uploads/<str:upload_id>/parts/<int:offset>/": {"POST": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/complete/": {"POST": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/rejected/": {"GET": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/mapping/": {"GET": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/mapping/read/": {"POST": Right.WRITE_EVENTS},
    "data/uploads/<str:upload_id>/mapping/act/": {"POST": Right.WRITE_EVENTS},
    "consent/": {"GET": Right.READ_CONSENTS},
    "consent/uses/": {"POST": Right.WRITE_CONSENTS},
    "consent/notices/": {"GET": Right.READ_CONSENTS},
    "consent/notices/archive/": {"POST": Right.WRITE_CONSENTS},
    "consent/notices/<str:notice_id>/": {"GET": Right.READ_CONSENTS},
    "consent/signals/": {"GET": Right.READ_CONSENTS},
    "consent/signals/save/": {"POST": Right.WRITE_CONSENTS},
    "models/": {"GET": Right.READ_MODELS},
    "models/jobs/start/": {"POST": Right.MANAGE_MODELS},
    "models/jobs/<str:job_id>/": {"GET": Right.READ_MODELS},
    "models/jobs/<str:job_id>/ask/": {"POST": Right.MANAGE_MODELS},
    "models/jobs/<str:job_id>/tensorboard/": {"GET": Right.READ_MODELS},
    "models/versions/<str:version_id>/": {"GET": Right.READ_MODELS},
    "models/versions/<str:version_id>/approve/": {"POST": Right.MANAGE_MODELS},
    "models/versions/<str:version_id>/publish/": {"POST": Right.MANAGE_MODELS},
    "models/versions/<str:version_id>/override/": {"POST": Right.MANAGE_MODELS},
    "models/versions/<str:version_id>/override/agree/": {"POST": Right.MANAGE_MODELS},
    "models/roll-back/": {"POST": Right.MANAGE_MODELS},
    "models/standing-approval/": {"POST": Right.MANAGE_MODELS},
    "fleet/": {"GET": Right.READ_MODELS},
    "models/compare/": {"GET": Right.READ_MODELS},
    "models/versions/<str:version_id>/card/": {"GET": Right.READ_MODELS},
    "models/retraining/": {"POST": Right.MANAGE_MODELS},
    "models/groups/": {"GET": Right.READ_MODELS},
    "models/groups/declare/": {"POST": Right.MANAGE_MODELS},
    "try/": {"GET": Right.READ_RECOMMENDATIONS, "POST": Right.READ_RECOMMENDATIONS},
    "lineage/": {"GET": Right.READ_CONSENTS, "POST": Right.READ_CONSENTS},
    "lineage/versions/<str:version_id>/": {"GET": Right.READ_CONSENTS},
    "erasures/<str:erasure_id>/": {"GET": Right.MANAGE_RIGHTS},
    "erasures/<str:erasure_id>/certificate/": {"GET": Right.MANAGE_RIGHTS},
    "rights/": {"GET": Right.MANAGE_RIGHTS},
    "rights/new/": {"POST": Right.MANAGE_RIGHTS},
    "rights/<str:request_id>/": {"GET": Right.MANAGE_RIGHTS},
    "rights/<str:request_id>/act/": {"POST": Right.MANAGE_RIGHTS},
    "rights/<str:request_id>/person/": {"GET": Right.MANAGE_RIGHTS},
    "rights/<str:request_id>/person/act/": {"POST": Right.MANAGE_RIGHTS},
    "rights/<str:request_id>/export/": {"GET": Right.MANAGE_RIGHTS},
    "audit/": {"GET": Right.READ_AUDIT, "POST": Right.READ_AUDIT},
    "audit/verify/": {"POST": Right.READ_AUDIT},
    "exports/": {"GET": Right.READ_AUDIT},
    "exports/make/": {"POST": Right.READ_AUDIT},
    "exports/checkpoint/": {"GET": Right.READ_AUDIT},
    "exports/place/": {"POST": Right.MANAGE_TENANT},
    "exports/<str:evidence_id>/": {"GET": Right.READ_AUDIT},
    "members/": {"GET": Right.MANAGE_MEMBERS},
    "members/invite/": {"POST": Right.MANAGE_MEMBERS},
    "members/invitations/<str:invitation_id>/withdraw/": {"POST": Right.MANAGE_MEMBERS},
    "members/<str:member_id>/role/": {"POST": Right.MANAGE_MEMBERS},
    "members/<str:member_id>/remove/": {"POST": Right.MANAGE_MEMBERS},
    "tenant/test/": {"POST": Right.MANAGE_TENANT},
    "keys/": {"GET": Right.MANAGE_KEYS},
    "keys/new/": {"POST": Right.MANAGE_KEYS},
    "keys/<str:key_id>/revoke/": {"POST": Right.MANAGE_KEYS},
    "keys/<str:key_id>/rotate/": {"POST": Right.MANAGE_KEYS},
    "usage/": {"GET": Right.READ_USAGE},
    "settings/": {"GET": Right.MANAGE_TENANT},
    "settings/save/": {"POST": Right.MANAGE_TENANT},
    "settings/export/": {"POST": Right.MANAGE_TENANT},
    "settings/exports/<str:export_id>/": {"GET": Right.MANAGE_TENANT},
    "settings/close/": {"POST": Right.MANAGE_TENANT},
    "settings/keep/": {"POST": Right.MANAGE_TENANT},
    "settings/retention/": {"GET": Right.MANAGE_TENANT},
    "settings/retention/save/": {"POST": Right.MANAGE_TENANT},
    "settings/statements/": {"GET": Right.MANAGE_TENANT},
    "settings/statements/save/": {"POST": Right.MANAGE_TENANT},
    "api/": {"GET": Right.READ_OVERVIEW},
    "design/": {"GET": Right.READ_OVERVIEW},
}
# What a public key may do, and what a browser may therefore ask before it sends.
PUBLIC = {("v1/events", "POST"), *((f"v1/{name}", "POST") for name in TRACKING)}
# Open to everybody: they know no tenant.
OPEN = {
    "healthz", "v1/openapi.json", "i18n/setlang/", "accounts/login/", "accounts/logout/",
    "accounts/inactive/", "accounts/password/reset/", "accounts/password/reset/done/",
    "accounts/password/reset/key/done/", "sign-up/", "join/<str:link>/",
    r"accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
}  # fmt: skip
# About the signed-in person alone, whatever their tenants.
PERSONAL = {
    "accounts/password/change/", "accounts/reauthenticate/", "start/", "tenant/choose/",
}  # fmt: skip

EVENT = {"user_id": "u1", "item_id": "i1", "type": "view"}
ITEM = {"item_id": "shade/1"}
ORDER = {"model": "all-MiniLM-L6-v2"}
SIGNAL = {"user_id": "u1", "kind": "google", "value": {"ad_user_data": "DENIED"}}
CONSENT = {"user_id": "u1", "purpose": "analytics", "event": "withdrawn"}


def csv_file() -> BytesIO:
    file = BytesIO(b"user_id,item_id,type,occurred_at\nu1,i1,view,2026-01-01T00:00:00Z\n")
    file.name = "events.csv"
    return file


def json_of(body: dict[str, Any]) -> dict[str, Any]:
    return {"data": body, "content_type": "application/json"}


# What is sent, so that a request is refused for who sends it and not for what it says.
BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "v1/consents": lambda: {"data": CONSENT, "content_type": "application/json"},
    "v1/consents/signals": lambda: {"data": SIGNAL, "content_type": "application/json"},
    "v1/items": lambda: json_of(ITEM),
    "v1/items/<path:item_id>": lambda: json_of({"title": "Shade"}),
    "v1/events": lambda: {"data": EVENT, "content_type": "application/json"},
    **{
        f"v1/{name}": lambda: json_of({"batch": [], "event": "Product Viewed", "userId": "u1"})
        for name in TRACKING
    },
    "v1/fine_tuning/estimates": lambda: {"data": ORDER, "content_type": "application/json"},
    "v1/fine_tuning/jobs": lambda: {"data": ORDER, "content_type": "application/json"},
    **{
        f"v1/fine_tuning/jobs/<str:job_id>/{what}": lambda: {"content_type": "application/json"}
        for what in ("cancel", "pause", "resume")
    },
    "v1/profile/removals": lambda: json_of({"user_id": "u1", "category": "Lights"}),
    "v1/rights_requests": lambda: json_of({"user_id": "u1", "kind": "access"}),
    "v1/rights_requests/<str:request_id>/acknowledge": lambda: json_of({}),
    "v1/rights_requests/<str:request_id>/export": lambda: json_of({}),
    "v1/rights_requests/<str:request_id>/verify": lambda: json_of({"evidence": {"kind": "agent"}}),
    "v1/rights_requests/<str:request_id>/extend": lambda: json_of(
        {"reason": "complex", "answer": "It takes longer."}
    ),
    "v1/rights_requests/<str:request_id>/refuse": lambda: json_of(
        {"reason": "not_covered", "answer": "Not here."}
    ),
    "v1/rights_requests/<str:request_id>/corrections": lambda: json_of({"user_id": "u2"}),
    "v1/rights_requests/<str:request_id>/complete": lambda: json_of({"answer": "Done."}),
    "v1/audit/exports": lambda: {"data": {}, "content_type": "application/json"},
    "exports/make/": lambda: {"data": {"kind": "audit"}},
    "exports/place/": lambda: {"data": {"place-place": ""}},
    "v1/uploads": lambda: {"data": {"kind": "events", "file": csv_file()}},
    "v1/uploads/<str:upload_id>/parts/<int:offset>": lambda: {
        "data": b"x" * 9,
        "content_type": "application/octet-stream",
    },
    "v1/uploads/<str:upload_id>/complete": lambda: json_of({"sha256": "0" * 64}),
    "v1/uploads/<str:upload_id>/start": lambda: json_of({}),
    "v1/uploads/<str:upload_id>/cancel": lambda: json_of({}),
    "consent/uses/": lambda: {
        "data": {"charts": "analytics", "popularity": "analytics"},
    },
    "consent/notices/archive/": lambda: {
        "data": {
            "notice_id": "n",
            "version": "9",
            "language": "en",
            "body": "Text.",
            "purposes": "service",
        },
    },
    "consent/signals/save/": lambda: {"data": {"rows": "", "notice": ""}},
    "data/upload/": lambda: {
        "data": {"kind": "events", "file": csv_file()},
    },
    "data/uploads/begin/": lambda: {
        "data": {"kind": "events", "name": "e.csv", "bytes": 9},
    },
    "data/uploads/<str:upload_id>/parts/<int:offset>/": lambda: {"data": {"part": csv_file()}},
    "data/types/save/": lambda: {"data": {"name": "Booked", "weight": "0.5"}},
    "data/uploads/<str:upload_id>/mapping/act/": lambda: {"data": {"do": "give_up"}},
    "models/standing-approval/": lambda: {"data": {"enabled": "yes", "reason": "Trusted."}},
    "models/versions/<str:version_id>/approve/": lambda: {"data": {"reason": "Looked at it."}},
    "models/versions/<str:version_id>/override/": lambda: {"data": {"reason": "All the same."}},
    "models/retraining/": lambda: {
        "data": {"every_days": 7, "new_percent": 20, "unknown_percent": 20},
    },
    "models/groups/declare/": lambda: {"data": {"subjects": "", "items": ""}},
    "keys/new/": lambda: {"data": {"name": "new", "kind": "restricted", "scopes": ["events:read"]}},
    "try/": lambda: {"data": {"user_id": "u1"}},
    "lineage/": lambda: {"data": {"user_id": "u1"}},
    "rights/new/": lambda: {"data": {"user_id": "u1", "kind": "access"}},
    "rights/<str:request_id>/act/": lambda: {"data": {"act": "acknowledge"}},
    "rights/<str:request_id>/person/act/": lambda: {"data": {"do": "remove", "category": "x"}},
    "members/invite/": lambda: {"data": {"email": "invited@example.com", "role": "analyst"}},
    "members/<str:member_id>/role/": lambda: {"data": {"role": "auditor"}},
    "models/jobs/<str:job_id>/ask/": lambda: {"data": {"ask": "cancel"}},
    "settings/save/": lambda: {"data": {"name": "Shop", "timezone": "UTC"}},
    "settings/close/": lambda: {"data": {"close-name": "Alice's shop"}},
}
# Route -> the states that a job goes through first, so that what is asked of it may be asked.
STATES = {
    "v1/fine_tuning/jobs/<str:job_id>/pause": ("queued",),
    "v1/fine_tuning/jobs/<str:job_id>/resume": ("queued", "paused"),
}
# Route -> what its request must be like, so that it may be asked.
OPENED: dict[str, dict[str, Any]] = {
    "v1/rights_requests/<str:request_id>/extend": {"due_on": date(2999, 1, 1)},
    "v1/rights_requests/<str:request_id>/complete": {"kind": "opt_out", "state": "in_progress"},
    "v1/rights_requests/<str:request_id>/corrections": {
        "kind": "rectification",
        "state": "in_progress",
    },
    "v1/rights_requests/<str:request_id>/export": {"state": "in_progress"},
}
# Route -> how much has come of the upload of nine bytes that it names.
ARRIVED = {
    "v1/uploads/<str:upload_id>/parts/<int:offset>": 0,
    "v1/uploads/<str:upload_id>/complete": 9,
    "v1/uploads/<str:upload_id>/cancel": 0,
}
QUERIES = {
    "v1/consents": "?user_id=u1",
    "v1/consents/state": "?user_id=u1",
    "v1/profile": "?user_id=u1",
    "v1/recommendations": "?user_id=u1&limit=3",
}
KINDS = {
    "notice_id": "notice",
    "upload_id": "upload",
    "batch_id": "event batch",
    "model_id": "version",
    "consent_id": "consent record",
    "erasure_id": "erasure",
    "job_id": "job",
    "version_id": "version",
    "key_id": "key",
    "export_id": "export",
    "evidence_id": "evidence",
    "member_id": "member",
    "invitation_id": "invitation",
    "request_id": "rights request",
    "removal_id": "profile removal",
}


def routes() -> Iterator[str]:
    def walk(patterns: list[Any], before: str) -> Iterator[str]:
        for entry in patterns:
            here = before + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry.url_patterns, here)
            else:
                yield here

    return walk(get_resolver().url_patterns, "")


def address(route: str, identifier: str) -> str:
    """The route's path; the one identifier it may hold becomes `identifier`."""
    for name in KINDS:
        route = route.replace(f"<str:{name}>", identifier)
    route = route.replace("<path:item_id>", ITEM["item_id"]).replace("<int:offset>", "0")
    return f"/{route}"


def kind_of(route: str) -> str | None:
    return next((kind for name, kind in KINDS.items() if f"<str:{name}>" in route), None)


def ids_in(business) -> dict[str, str]:
    """The public id of one object of each kind that a route may name."""
    with business.scope:
        rows = fill_every_table()
    return {row.public_id.split("_")[0]: row.public_id for row in rows.values()
            if hasattr(row, "public_id")}  # fmt: skip


def ready(route: str, business) -> None:
    """Bring the business's jobs into a state in which the route does its work."""
    with business.scope:
        for state in STATES.get(route, ()):
            Job.objects.update(state=state)
        if "<path:item_id>" in route:
            Item.objects.create(external_id=ITEM["item_id"])
        if route in ARRIVED:
            Upload.objects.update(state=Upload.RECEIVING, bytes=9, arrived=ARRIVED[route])
        if "/rejected" in route:
            for kept in RejectedRows.objects.all():
                kept.sealed = sealed_cells(kept.upload_id, b'{"columns": [], "rows": []}')
                kept.save()
        if route.endswith(("/start", "/mapping/read/", "/mapping/act/")):
            _let_wait()
        if "<str:evidence_id>" in route:
            _finish_evidence()
        RightsRequest.objects.update(**OPENED.get(route, {"kind": "access"}))
        if route.endswith("/corrections"):
            RightsRequest.objects.update(subject_id=resolve(["u1"])["u1"])
        if route.startswith("v1/profile"):
            resolve(["u1"])
            Item.objects.create(external_id="lamp", category="Lights")
        if route.endswith("/export"):
            SubjectExport.objects.update(state=SubjectExport.DONE, bytes=1)
            export = SubjectExport.objects.get()
            with files.write(export.tenant_id, export.id, 1) as sealed:
                sealed.write(b"x")
            files.keep(export.tenant_id, export.id, 1)


def _let_wait() -> None:
    """The upload waits for somebody to say how it is read."""
    Upload.objects.update(
        kind=Upload.EVENTS, state=Upload.MAPPING, options={"mapping": {}, "options": {}}
    )
    upload = Upload.objects.get()
    seen = look.look_at(open_table(csv_file().read()))
    look.keep(upload.tenant_id, upload.id, seen)


def _finish_evidence() -> None:
    """A file to be downloaded."""
    export = EvidenceExport.objects.get()
    with files.write(export.tenant_id, export.id, 0) as sealed:
        sealed.write(b"zip")
    files.keep(export.tenant_id, export.id, 0)
    EvidenceExport.objects.update(state=EvidenceExport.DONE, bytes=3)


def id_for(route: str, ids: dict[str, str]) -> str:
    kind = kind_of(route)
    return ids[public_id(kind, uuid.UUID(int=0)).split("_")[0]] if kind else ""


def send(client: Client, method: str, route: str, identifier: str, **how: Any) -> HttpResponse:
    body = BODIES.get(route, dict)() if method in ("POST", "PUT", "PATCH") else {}
    if method in ("PUT", "PATCH") and method not in API.get(route, {}):
        body = {"data": json.dumps(CONSENT), "content_type": "application/json"}
    path = address(route, identifier) + QUERIES.get(route, "")
    return getattr(client, method.lower())(path, **body, **how)
