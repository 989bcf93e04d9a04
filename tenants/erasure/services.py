"""Erasing a person: from the next request on they are in no answer; the rest is leased work."""

import hashlib
import logging
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.erasure import ledger
from tenants.erasure.counting import counts, stores
from tenants.erasure.models import Erasure
from tenants.erasure.queries import line_of
from tenants.erasure.reach import reaches
from tenants.errors import Conflict, NotFound
from tenants.ids import uuid7
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import audit_ref, erasure_reference, external_id_of
from tenants.subjects.models import Subject, SubjectKey
from tenants.subjects.suppression import digest_of, stand_alone, suppress
from tenants.work.queue import enqueue

logger = logging.getLogger(__name__)


@transaction.atomic
def begin_erasure(*, subject_id: int, actor: Actor, request_ref: str = "") -> Erasure:
    """Erase a person (GDPR 17, PIPL 47): every row that is theirs, their key, their look-up.

    All rows go in this one transaction; what is no row is promised to a worker. Call it before
    anything is recorded in the same transaction: it waits for those who land rows, and they may
    wait for the log. NotFound; Conflict already_erased.
    """
    stand_alone()
    subject = Subject.objects.select_for_update().filter(pk=subject_id).first()
    if subject is None:
        raise NotFound("person")
    if subject.erased_at is not None:
        raise Conflict("already_erased", "This person is erased already.")
    return erase_rows(subject=subject, actor=actor, request_ref=request_ref)


def erase_rows(
    *,
    subject: Subject,
    actor: Actor,
    request_ref: str = "",
    erasure_id: UUID | None = None,
    begun_at: datetime | None = None,
    also: bytes | None = None,
) -> Erasure:
    """Inside a transaction that holds a person who is not erased yet: erase them.

    `erasure_id` and `begun_at` are those of an erasure that a restored database has forgotten, and
    `also` is the digest of the id that the person had by then.
    """
    moment, reference = begun_at or now(), audit_ref(subject.id)
    digest = digest_of(current_tenant(), external_id_of(subject))
    erasure = Erasure.objects.create(
        id=erasure_id or uuid7(),
        subject=subject,
        request_ref=request_ref,
        actor_ref=actor.ref,
        before=counts(subject.id),
        keys=_key_names(subject.id),
        digest=also or digest,
        reference=erasure_reference(subject.id),
        begun_at=moment,
    )
    for each in {digest, also or digest}:
        suppress(each, moment)
    for store in stores():
        store.erase(subject.id)
    for reach in reaches():
        reach.mark(subject.id, actor)
    enqueue("erasure", tenant_id=current_tenant(), object_id=erasure.id)
    entry = record(
        AuditEvent.ERASURE_BEGUN,
        actor=actor,
        object_id=erasure.public_id,
        subject_ref=reference,
        reason=request_ref,
        details={"held": erasure.before, "keys": erasure.keys},
        numbered=True,
    )
    erasure.audit_seq = entry.seq
    erasure.save(update_fields=["audit_seq"])
    transaction.on_commit(lambda: _tell_ledger(erasure))
    return erasure


def _tell_ledger(erasure: Erasure) -> None:
    """At once; where that fails, the work behind the erasure does not end before it is done."""
    try:
        ledger.write(erasure.tenant_id, line_of(erasure))
    except (OSError, StoreUnreachable):
        logger.exception("erasure %s is not in the ledger yet", erasure.public_id)


def _key_names(subject_id: int) -> list[str]:
    """What a destroyed key is called: 16 hex digits of the SHA-256 of how it lay here."""
    wrapped = SubjectKey.objects.filter(subject_id=subject_id).values_list("wrapped", flat=True)
    return [hashlib.sha256(bytes(one)).hexdigest()[:16] for one in wrapped]
