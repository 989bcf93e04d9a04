"""Finding and making subjects by the ids that the tenant uses for them."""

from collections.abc import Iterable

from tenants.errors import NotFound
from tenants.isolation.binary_arrays import Digests, array_cursor, packed
from tenants.isolation.keys import seal, unseal
from tenants.isolation.scope import current_tenant
from tenants.subjects import keys
from tenants.subjects.models import Subject, SubjectKey

CONTEXT = b"subject.external_id"
KNOWN = "select lookup, id from subjects_subject where lookup = any(%(lookups)s)"
ID_LENGTH = 200  # characters of an external id


def find(external_id: str) -> Subject | None:
    """The subject with this id in the tenant of the scope, or None."""
    lookups = keys.lookups_of(current_tenant(), external_id)
    return Subject.objects.filter(lookup__in=lookups).order_by("-key_version").first()


def resolve(external_ids: Iterable[str]) -> dict[str, int]:
    """External id -> integer id, making the subjects that are new. Safe with concurrent callers."""
    tenant_id = current_tenant()
    possible = keys.possible_lookups(tenant_id, set(external_ids))
    found = _known(lookup for both in possible.values() for lookup in both)
    lookups = {
        external: next((lookup for lookup in both if lookup in found), both[0])
        for external, both in possible.items()
    }
    # In one order for all callers, so that two who make the same subjects cannot deadlock.
    missing = {
        external: key
        for external, key in sorted(lookups.items(), key=lambda pair: pair[1])
        if key not in found
    }
    if missing:
        _create(missing)
        found |= _known(missing.values())
    return {external: found[key] for external, key in lookups.items()}


def known(external_ids: Iterable[str]) -> dict[str, int]:
    """External id -> integer id of the subjects that there are; makes none."""
    possible = keys.possible_lookups(current_tenant(), set(external_ids))
    lookups = {lookup: external for external, both in possible.items() for lookup in both}
    return {lookups[lookup]: subject_id for lookup, subject_id in _known(lookups).items()}


def _known(lookups: Iterable[bytes]) -> dict[bytes, int]:
    asked = packed(lookups, keys.LOOKUP_BYTES)
    if not len(asked):
        return {}
    with array_cursor() as cursor:
        cursor.execute(KNOWN, {"lookups": Digests(asked)}, binary=True)
        return dict(cursor.fetchall())


def _create(missing: dict[str, bytes]) -> None:
    """Insert subjects with their keys; whoever another worker made first keeps that key."""
    tenant_id = current_tenant()
    own = {lookup: keys.new_subject_key() for lookup in missing.values()}
    Subject.objects.bulk_create(
        [
            Subject(
                lookup=lookup,
                external_id_sealed=seal(own[lookup], external.encode(), CONTEXT + lookup),
            )
            for external, lookup in missing.items()
        ],
        ignore_conflicts=True,
        batch_size=2000,
    )
    # A conflict waits for the other transaction, so its subject and key are both visible now.
    keyed = set(
        SubjectKey.objects.filter(subject__lookup__in=list(own)).values_list(
            "subject_id", flat=True
        )
    )
    SubjectKey.objects.bulk_create(
        [
            SubjectKey(subject_id=subject_id, wrapped=keys.wrap(tenant_id, lookup, own[lookup]))
            for lookup, subject_id in _known(own).items()
            if subject_id not in keyed
        ],
        batch_size=2000,
    )


def keys_of(subject_ids: Iterable[int]) -> dict[int, bytes]:
    """The own keys of subjects, opened; an erased subject has none and is left out."""
    rows = SubjectKey.objects.filter(subject_id__in=list(subject_ids)).values_list(
        "subject_id", "subject__lookup", "wrapped"
    )
    tenant_id = current_tenant()
    return {pk: keys.unwrap(tenant_id, bytes(found), bytes(sealed)) for pk, found, sealed in rows}


def external_id_of(subject: Subject) -> str:
    """The tenant's own id of a subject; NotFound when its key is destroyed."""
    key = keys_of([subject.id]).get(subject.id)
    if key is None or subject.external_id_sealed is None:
        raise NotFound("person")
    context = CONTEXT + bytes(subject.lookup)
    return unseal(key, bytes(subject.external_id_sealed), context).decode()


def external_ids_of(subjects: Iterable[Subject]) -> dict[int, str]:
    """Integer id -> the tenant's own id; whoever is erased is left out."""
    subjects = list(subjects)
    own = keys_of(subject.id for subject in subjects)
    return {
        subject.id: unseal(
            own[subject.id], bytes(subject.external_id_sealed), CONTEXT + bytes(subject.lookup)
        ).decode()
        for subject in subjects
        if subject.id in own and subject.external_id_sealed is not None
    }


def erasure_reference(subject_id: int) -> bytes:
    """How the ledger of erasures names a subject under any id; b"" once the key is destroyed."""
    key = keys_of([subject_id]).get(subject_id)
    return keys.erasure_reference(key, current_tenant(), subject_id) if key else b""


def audit_ref(subject_id: int) -> str:
    """How the audit log refers to a subject: unlinkable once the subject's key is destroyed."""
    return audit_refs([subject_id]).get(subject_id, "")


def audit_refs(subject_ids: Iterable[int]) -> dict[int, str]:
    """The same for many; whoever is erased is left out."""
    tenant_id = current_tenant()
    return {
        subject_id: keys.audit_pseudonym(key, tenant_id, subject_id)
        for subject_id, key in keys_of(subject_ids).items()
    }
