"""Acts of the pages themselves that leave an audit entry: a look at a person, a verification."""

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.audit.verify import Verdict, verify_chain
from tenants.subjects.directory import audit_ref


@transaction.atomic
def note_subject_viewed(*, subject_id: int, page: str, actor: Actor) -> None:
    """Record that a member looked at one person's history."""
    record(
        AuditEvent.SUBJECT_VIEWED,
        actor=actor,
        subject_ref=audit_ref(subject_id),
        details={"page": page},
    )


@transaction.atomic
def verify_log(*, actor: Actor) -> Verdict:
    """Verify the tenant's whole chain and record that somebody did, and the result."""
    verdict = verify_chain()
    record(
        AuditEvent.LOG_VERIFIED,
        actor=actor,
        outcome="success" if verdict.ok else "failure",
        reason=verdict.code,
        details={"entries": verdict.entries, "ok": verdict.ok},
    )
    return verdict
