"""A database that was restored from an older backup hears again who was erased since.

Done before anything serves (`manage.py replay_erasures`, the web server's start) and once a minute:
where nothing is missing it costs one look at a file, one list of names in the shared store where
there is one, and one question per tenant.
"""

import logging
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection

from tenants.audit.actor import system
from tenants.erasure import ledger
from tenants.erasure.ledger import Line
from tenants.erasure.models import Erasure
from tenants.erasure.services import erase_rows
from tenants.isolation.depot import StoreUnreachable
from tenants.isolation.models import standing
from tenants.isolation.scope import tenant_scope
from tenants.subjects.directory import erasure_reference, external_id_of
from tenants.subjects.models import Subject
from tenants.subjects.suppression import digest_of, stand_alone, suppress

logger = logging.getLogger(__name__)
ACTOR = system("replay")


def replay_all() -> int:
    """Replay for every tenant; how many people were erased again. LedgerDamaged, StoreUnreachable:
    nothing may serve then, for nobody knows who came back."""
    return sum(replay(tenant_id) for tenant_id in standing())


def replay_before_serving() -> bool:
    """In a process that answers, before it does. False where the database is away: nobody knows
    yet what it will be when it is back. LedgerDamaged, StoreUnreachable.
    """
    try:
        replay_all()
    except (DatabaseError, InterfaceError):
        logger.exception("erasures were not compared with the database")
        return False
    finally:
        connection.close()
    return True


def look(tenant_id: UUID) -> None:
    """Periodic duty: a database may be restored under a running product."""
    try:
        replay(tenant_id)
    except StoreUnreachable:
        logger.exception("the store's erasures of tenant %s were not read", tenant_id)
        replay(tenant_id, with_store=False)


def replay(tenant_id: UUID, *, with_store: bool = True) -> int:
    """Erase whoever the ledger names and the database has forgotten to have erased; how many."""
    lines = {line.erasure_id: line for line in ledger.read(tenant_id)}
    stored = ledger.named_in_store(tenant_id) - lines.keys() if with_store else set()
    if not lines and not stored:
        return 0
    with tenant_scope(tenant_id):
        told = Erasure.objects.filter(pk__in=[*lines, *stored])
        known = set(told.values_list("id", flat=True))
    missing = [line for erasure_id, line in lines.items() if erasure_id not in known]
    missing += ledger.read_store(tenant_id, sorted(stored - known))
    for line in sorted(missing, key=lambda line: line.erased_at):
        with tenant_scope(tenant_id):
            _erase_again(tenant_id, line)
    return len(missing)


def _erase_again(tenant_id: UUID, line: Line) -> None:
    """The person under the line's number, if that number is theirs in this database, under the id
    of the line or, when they were called otherwise, by their own key.

    A person who came after the backup was made is not here; their number may be somebody else's.
    """
    stand_alone()
    subject = Subject.objects.select_for_update().filter(pk=line.subject_id).first()
    if subject is not None and subject.erased_at is None and _is_theirs(tenant_id, line, subject):
        erase_rows(
            subject=subject,
            actor=ACTOR,
            erasure_id=line.erasure_id,
            request_ref=line.request_ref,
            begun_at=line.erased_at,
            also=line.digest,
        )
    else:
        suppress(line.digest, line.erased_at)


def _is_theirs(tenant_id: UUID, line: Line, subject: Subject) -> bool:
    own = erasure_reference(subject.id)
    if line.reference and own == line.reference:
        return True
    return digest_of(tenant_id, external_id_of(subject)) == line.digest
