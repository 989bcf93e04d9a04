"""That somebody looked at one person's data leaves an entry, whatever page or address showed it."""

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.subjects.directory import audit_ref


@transaction.atomic
def note_subject_viewed(*, subject_id: int, page: str, actor: Actor) -> None:
    """Record that the actor looked at one person's history; `page` says where."""
    record(
        AuditEvent.SUBJECT_VIEWED,
        actor=actor,
        subject_ref=audit_ref(subject_id),
        details={"page": page},
    )
