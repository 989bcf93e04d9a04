"""Uploads through the real door and the real worker, and what is asked of them afterwards."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Event, Upload
from tenants.consent.services import record_batch
from tenants.consent.vocabulary import ConsentEvent, Purpose
from tenants.subjects.directory import external_id_of
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.consent.acts import act, archive

EVENTS_HEAD = "user_id,item_id,type,occurred_at"


def events(*rows: tuple[str, str, str]) -> bytes:
    """A file of views: (user, item, day of March 2026)."""
    lines = (f"{user},{item},view,2026-03-{day}T10:00:00Z" for user, item, day in rows)
    return "\n".join((EVENTS_HEAD, *lines, "")).encode()


def accept(business, content: bytes, kind: str = Upload.EVENTS, **how: Any) -> Upload:
    """An accepted upload; nothing is processed yet."""
    with business.scope:
        return accept_upload(
            kind=kind, name=f"{kind}.csv", chunks=[content], actor=business.actor, **how
        )


def process(business, content: bytes, kind: str = Upload.EVENTS, **how: Any) -> Upload:
    """An upload that the worker is done with."""
    upload = accept(business, content, kind, **how)
    run_waiting("default")
    return fresh(business, upload)


def fresh(business, upload: Upload) -> Upload:
    with business.scope:
        return Upload.objects.get(pk=upload.pk)


def tell(business, event: ConsentEvent, users: Iterable[str], days: float = 1) -> None:
    """Consent acts for the service by these users; a grant frees what waits once work runs."""
    with business.scope:
        record_batch(acts=[act(user, event, days, purpose=Purpose.SERVICE) for user in users])


def agree(business, *users: str) -> None:
    archive(business)
    tell(business, ConsentEvent.GIVEN, users)


def outcomes(upload: Upload) -> dict[tuple[str, str], tuple[int, list[int]]]:
    """(bucket, code) -> (count, first row numbers), out of a finished report."""
    return {
        (one["bucket"], one["code"]): (one["count"], one["first_rows"])
        for one in upload.report["outcomes"]
    }


def adds_up(upload: Upload) -> bool:
    """Acceptance statement 12: received = accepted + duplicate + quarantined + rejected."""
    report = upload.report
    parts = ("accepted", "duplicate", "quarantined", "rejected")
    return report["received"] == sum(report[part] for part in parts) == upload.rows


def lose_the_worker() -> None:
    """As if whoever works now had been killed long ago."""
    WorkItem.objects.filter(state="running").update(lease_until=now() - timedelta(seconds=1))


def stored(business) -> list[tuple[str, str, str]]:
    """The tenant's events as (user, item, day), in order of time."""
    with business.scope:
        return [
            (external_id_of(e.subject), e.item.external_id, e.occurred_at.strftime("%d"))
            for e in Event.objects.select_related("subject", "item").order_by("occurred_at")
        ]


def told(business, upload: Upload) -> list[tuple[str, dict[str, object]]]:
    with business.scope:
        entries = AuditEntry.objects.filter(object_id=upload.public_id).order_by("seq")
        return [(entry.action, entry.detail.get().details) for entry in entries]
