"""Letting the tenant call a person by another id: nothing else of them changes."""

from django.db import transaction
from django.utils.timezone import now

from tenants.errors import Conflict, NotFound
from tenants.isolation.keys import seal
from tenants.isolation.scope import current_tenant
from tenants.subjects import keys
from tenants.subjects.directory import CONTEXT, external_id_of, find, keys_of
from tenants.subjects.models import Subject, SubjectKey
from tenants.subjects.suppression import digest_of, stand_alone, suppress


@transaction.atomic
def rename(subject_id: int, external_id: str) -> None:
    """Find the person by `external_id` from now on. Their old id stands for nobody.

    It is suppressed as that of an erased person is, so that no old file makes a second person of
    them, also once this one is erased under the new id. Acts of before now are refused (`erased`),
    and late events that are still sent under it, until somebody so called consents anew.

    Call it before anything is recorded in the same transaction, as `begin_erasure`. NotFound for an
    erased person; Conflict id_taken where somebody else is called so.
    """
    stand_alone()
    subject = Subject.objects.select_for_update().filter(pk=subject_id, erased_at=None).first()
    own = keys_of([subject_id]).get(subject_id)
    if subject is None or own is None:
        raise NotFound("person")
    if find(external_id) is not None:
        raise Conflict("id_taken", "Another person has this id. Two cannot be made one here.")
    tenant_id = current_tenant()
    suppress(digest_of(tenant_id, external_id_of(subject)), now())
    lookup = keys.lookup_of(tenant_id, external_id)
    subject.lookup = lookup
    subject.external_id_sealed = seal(own, external_id.encode(), CONTEXT + lookup)
    subject.key_version = Subject._meta.get_field("key_version").get_default()
    subject.save(update_fields=["lookup", "external_id_sealed", "key_version"])
    SubjectKey.objects.filter(subject_id=subject_id).update(
        wrapped=keys.wrap(tenant_id, lookup, own)
    )
