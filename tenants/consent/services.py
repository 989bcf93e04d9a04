"""Recording consent: by API and page one act at a time, by upload in batches; and the flags that
stop every use beside it.
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.canonical import merkle_root
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.consent.fold import GRANTING
from tenants.consent.ledger import (
    ConsentInput,
    Notices,
    append,
    hold,
    refold,
    refusal,
)
from tenants.consent.models import ConsentFlag, ConsentRecord, ConsentState
from tenants.consent.policy import storing_purposes
from tenants.consent.queries import raised_flags
from tenants.consent.repeating import pair_of, repeated
from tenants.consent.vocabulary import FlagKind, Purpose
from tenants.errors import Conflict, NotFound
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import audit_ref, audit_refs
from tenants.work.queue import enqueue


@transaction.atomic
def record_consent(*, act: ConsentInput, actor: Actor) -> ConsentRecord:
    """Append one record; its effect counts from the next request on. Raises `refusal`'s error."""
    return record_acts(acts=[act], actor=actor, notices=Notices())[0]


@transaction.atomic
def record_acts(
    *, acts: Sequence[ConsentInput], actor: Actor, notices: Notices
) -> list[ConsentRecord]:
    """Append these acts in one go, with an audit entry each. Raises `refusal`'s error."""
    moment = now()
    for act in acts:
        error = refusal(act, notices, moment)
        if error:
            raise error
    written = _write(acts, notices)
    subjects = {one.subject_id for one in written}
    rows = ConsentState.objects.filter(subject_id__in=subjects)
    states = {(row.subject_id, row.purpose): row.state for row in rows}
    refs = audit_refs(subjects)
    for one in written:
        record(
            AuditEvent.CONSENT_RECORDED,
            actor=actor,
            object_id=one.public_id,
            subject_ref=refs.get(one.subject_id, ""),
            purpose=one.purpose,
            lawful_basis=one.lawful_basis,
            occurred_at=one.event_time,
            details={
                "event": one.event,
                "state": states[one.subject_id, one.purpose],
                "method": one.collection_method,
            },
        )
    return written[: len(acts)]


@transaction.atomic
def record_batch(*, acts: Sequence[ConsentInput]) -> tuple[int, str]:
    """Append what an upload's batch holds (already checked); the caller records the upload.

    Returns the count and the Merkle root of the record hashes in order, in hex ("" for none).
    """
    written = _write(acts, Notices())
    root = merkle_root([bytes(row.record_hash) for row in written]).hex() if written else ""
    return len(acts), root


@transaction.atomic
def set_flag(
    *,
    subject_id: int,
    kind: str,
    purposes: Sequence[Purpose] | None,
    actor: Actor,
    reason: str,
) -> ConsentFlag:
    """Stop every use for `purposes` (None: for all), whatever was consented to (GDPR 18, 21; PIPL
    44, 47). What is stored stays stored. It counts from the next request on, until lifted.

    `kind` is restriction or objection. NotFound for an erased or unknown subject.
    """
    kind = FlagKind(kind)
    named = None if purposes is None else sorted(Purpose(each).value for each in purposes)
    flag = _flag(subject_id, kind, True, named, actor, reason)
    record(
        AuditEvent.FLAG_SET,
        actor=actor,
        object_id=flag.public_id,
        subject_ref=audit_ref(subject_id),
        details={"kind": kind.value, "purposes": named or ["all"]},
    )
    return flag


@transaction.atomic
def lift_flag(*, subject_id: int, kind: str, actor: Actor, reason: str) -> ConsentFlag:
    """End a restriction or an objection for all purposes: what was consented to counts again.

    Conflict (`flag_not_set`) where there is none; NotFound for an erased or unknown subject.
    """
    kind = FlagKind(kind)
    if not raised_flags(subject_id).get(kind):
        raise Conflict("flag_not_set", "Nothing of this kind is set for this person.")
    flag = _flag(subject_id, kind, False, None, actor, reason)
    enqueue("release", tenant_id=current_tenant(), object_id=current_tenant())
    record(
        AuditEvent.FLAG_LIFTED,
        actor=actor,
        object_id=flag.public_id,
        subject_ref=audit_ref(subject_id),
        details={"kind": kind.value},
    )
    return flag


def _flag(
    subject_id: int,
    kind: FlagKind,
    raised: bool,
    purposes: list[str] | None,
    actor: Actor,
    reason: str,
) -> ConsentFlag:
    """Append one fact and fold every state that it touches. Whoever folds meanwhile, or erases,
    has ended before this looks or waits for its end.
    """
    notices = Notices()
    if not hold([subject_id]):
        raise NotFound("person")
    flag = ConsentFlag.objects.create(
        subject_id=subject_id,
        kind=kind.value,
        raised=raised,
        purposes=purposes,
        reason=reason,
        actor_ref=actor.ref,
        recorded_at=now(),
    )
    states = ConsentState.objects.filter(subject_id=subject_id)
    purposes_known = states.values_list("purpose", flat=True)
    refold([(subject_id, purpose) for purpose in purposes_known], notices)
    return flag


def _write(acts: Sequence[ConsentInput], notices: Notices) -> list[ConsentRecord]:
    """The records of these acts in order, and behind them those of the noes that were only
    repeated until now.
    """
    guards = {act.guardian_record_id for act in acts if act.guardian_record_id}
    hold({act.subject_id for act in acts}, guards)
    written = append([*acts, *repeated({pair_of(act) for act in acts})], notices)
    _release_what_waits(acts)
    return written


def _release_what_waits(acts: Sequence[ConsentInput]) -> None:
    """A grant may free rows that were held back for want of it."""
    storable = storing_purposes()
    if any(act.event in GRANTING and act.purpose in storable for act in acts):
        enqueue("release", tenant_id=current_tenant(), object_id=current_tenant())
