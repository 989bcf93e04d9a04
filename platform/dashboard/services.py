"""Acts of the pages themselves that leave an audit entry: a verification."""

from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.linking import link_waiting
from tenants.audit.record import record
from tenants.audit.verify import Verdict, verify_chain


@transaction.atomic
def verify_log(*, actor: Actor) -> Verdict:
    """Verify the tenant's whole chain and record that somebody did, and the result."""
    link_waiting()
    verdict = verify_chain()
    record(
        AuditEvent.LOG_VERIFIED,
        actor=actor,
        outcome="success" if verdict.ok else "failure",
        reason=verdict.code,
        details={"entries": verdict.entries, "ok": verdict.ok},
    )
    return verdict
