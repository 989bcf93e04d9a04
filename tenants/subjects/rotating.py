"""Re-keying a tenant's people under a new master key: worker function of `rotation`.

Row by row in batches, each whole or not at all, so it goes on wherever it was stopped. Meanwhile
people are found under both versions, and whoever is new is made under the current one.
"""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.keys import current_version, seal, unseal, versions
from tenants.isolation.lasting import all_kept, is_rotated, keep_lasting, mark_rotated
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.subjects import keys
from tenants.subjects.directory import CONTEXT, keys_of
from tenants.subjects.models import Subject, SubjectKey
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease

ACTOR = system("rotation")
BATCH = 500


class TwinSubjects(RuntimeError):
    """One person has two rows, under two versions: somebody wrote under the old key alone while
    others had the new one. Stop every process before the key is changed."""


def run(lease: Lease) -> None:
    """Bring the tenant under the current version; what was done already is passed over."""
    done = 0
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        if not all_kept():  # before anybody is re-keyed under a key that then goes
            keep_lasting()
    while count := _batch(lease):
        done += count
        queue.renew(lease)
    with kept_alive(lease):
        for dotted in settings.KEY_ROTATION:
            import_string(dotted)(lease.tenant_id)
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        details = {"key_version": current_version(), "subjects": done}
        mark_rotated()
        record(AuditEvent.KEYS_ROTATED, actor=ACTOR, details=details)
        queue.finish(lease)


def left() -> int:
    """How many rows of the tenant in scope still need an older version."""
    return Subject.objects.filter(key_version__lt=current_version()).count()


def needs_rotation(tenant_id: UUID) -> bool:
    """Whether anything of the tenant may lie under an older version: also while what is no row is
    sealed anew, and where that was cut short."""
    with tenant_scope(tenant_id):
        return left() > 0 or not is_rotated()


def _batch(lease: Lease) -> int:
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        older = Subject.objects.filter(key_version__lt=current_version()).order_by("id")
        subjects = list(older.select_for_update()[:BATCH])
        _rekey(subjects)
    return len(subjects)


def _rekey(subjects: list[Subject]) -> None:
    """New pseudonym, the id sealed and the person's key wrapped for it; the key itself stays, and
    with it all that lies under it."""
    own = keys_of(subject.id for subject in subjects)
    tenant_id = current_tenant()
    wrapped = {}
    for subject in subjects:
        subject.key_version = current_version()
        key = own.get(subject.id)
        if key is None or subject.external_id_sealed is None:
            continue  # erased: its pseudonym is random and leads nowhere
        before = CONTEXT + bytes(subject.lookup)
        external = unseal(key, bytes(subject.external_id_sealed), before)
        subject.lookup = keys.lookup_of(tenant_id, external.decode())
        subject.external_id_sealed = seal(key, external, CONTEXT + subject.lookup)
        wrapped[subject.id] = keys.wrap(tenant_id, subject.lookup, key)
    _refuse_twins(subjects)
    Subject.objects.bulk_update(subjects, ["lookup", "external_id_sealed", "key_version"])
    rows = list(SubjectKey.objects.filter(subject_id__in=wrapped))
    for row in rows:
        row.wrapped = wrapped[row.subject_id]
    SubjectKey.objects.bulk_update(rows, ["wrapped"])


def _refuse_twins(subjects: Iterable[Subject]) -> None:
    lookups = {bytes(subject.lookup): subject.id for subject in subjects}
    twins = Subject.objects.filter(lookup__in=list(lookups)).exclude(pk__in=lookups.values())
    if twins.exists():
        raise TwinSubjects(f"versions {versions()}: {twins.count()} people have two rows")
