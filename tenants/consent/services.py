"""Recording consent: by API and page one act at a time, by upload in batches."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.canonical import merkle_root
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.ledger import ConsentInput, Notices, append, refusal
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.vocabulary import STORABLE, ConsentEvent
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import audit_ref
from tenants.work.queue import enqueue


@transaction.atomic
def record_consent(*, act: ConsentInput, actor: Actor) -> ConsentRecord:
    """Append one record; its effect counts from the next request on. Raises `refusal`'s error."""
    notices = Notices()
    error = refusal(act, notices, now())
    if error:
        raise error
    written = append([act], notices)[0]
    state = ConsentState.objects.get(subject_id=act.subject_id, purpose=act.purpose.value)
    _release_what_waits([act])
    record(
        AuditEvent.CONSENT_RECORDED,
        actor=actor,
        object_id=written.public_id,
        subject_ref=audit_ref(act.subject_id),
        purpose=written.purpose,
        lawful_basis=written.lawful_basis,
        occurred_at=act.event_time,
        details={
            "event": written.event,
            "state": state.state,
            "method": written.collection_method,
        },
    )
    return written


@transaction.atomic
def record_batch(*, acts: Sequence[ConsentInput]) -> tuple[int, str]:
    """Append what an upload's batch holds (already checked); the caller records the upload.

    Returns the count and the Merkle root of the record hashes in order, in hex ("" for none).
    """
    written = append(acts, Notices())
    _release_what_waits(acts)
    root = merkle_root([bytes(row.record_hash) for row in written]).hex() if written else ""
    return len(written), root


def _release_what_waits(acts: Sequence[ConsentInput]) -> None:
    """A grant may free rows that were held back for want of it."""
    if any(act.event == ConsentEvent.GIVEN and act.purpose in STORABLE for act in acts):
        enqueue("release", tenant_id=current_tenant(), object_id=current_tenant())
