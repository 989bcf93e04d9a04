"""How much of a person there is: every subject store, and everything beyond rows."""

from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.erasure.reach import reaches
from tenants.subjects.store import SubjectStore

# What stays of a person by design, and why; said in every certificate.
KEPT = {
    "consent_record": "the proof that processing was lawful (GDPR 17(3)(e)), unlinkable by now",
    "rights_request": "the proof that requests were answered, without what was said, unlinkable",
    "snapshot_subject": "the lineage that says which versions must be replaced, unlinkable by now",
    "erasure": "this erasure",
}


def stores() -> list[SubjectStore]:
    """The stores that settings list, in order."""
    return [cast(SubjectStore, import_string(dotted)()) for dotted in settings.SUBJECT_STORES]


def counts(subject_id: int) -> dict[str, int]:
    """In the tenant's scope: rows by table, and other things by the name of their reach."""
    found: dict[str, int] = {}
    for store in stores():
        found |= store.count(subject_id)
    for reach in reaches():
        found[reach.name] = reach.held(subject_id)
    return found


def left(counted: dict[str, int]) -> dict[str, int]:
    """What should be gone and is not."""
    return {name: count for name, count in counted.items() if count and name not in KEPT}


def overdue(subject_id: int) -> dict[str, int]:
    """In the tenant's scope: what should be gone and is not, without what may stay for a while."""
    allowed = {reach.name for reach in reaches() if reach.is_due(subject_id)}
    found = left(counts(subject_id))
    return {name: count for name, count in found.items() if name not in allowed}
