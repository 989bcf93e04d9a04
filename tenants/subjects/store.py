"""The form of a subject store, and the store of the subjects themselves.

Each app that holds rows of subjects states one; settings list them. A test fails when a table
with a subject column is in none.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol

from django.db.models import Model
from django.utils.timezone import now

from tenants.subjects.keys import LOOKUP_BYTES
from tenants.subjects.models import Subject, SubjectKey

# Read once, as they come: one person's rows may be many.
Rows = Iterable[Mapping[str, Any]]


class SubjectStore(Protocol):
    """What every store can do for one subject of the tenant in scope."""

    tables: tuple[type[Model], ...]
    # How long what `export` names is kept, in words for the person.
    kept: Mapping[str, str]

    def count(self, subject_id: int) -> dict[str, int]:
        """Rows held, by table name."""

    def export(self, subject_id: int) -> dict[str, Rows]:
        """Rows held, by table name, as plain values."""

    def erase(self, subject_id: int) -> dict[str, int]:
        """Remove what identifies or belongs to the subject; rows changed, by table name."""


class SubjectRows:
    """The pseudonym and its key. Erasing destroys the key, so that the rest is unreadable, and
    the pseudonym, so that nobody can be led from the person's id to what remains; should the
    person come back, they are a new subject who has consented to nothing.
    """

    tables = (Subject, SubjectKey)
    kept: ClassVar = {"subject": "until the person is erased"}

    def count(self, subject_id: int) -> dict[str, int]:
        return {
            "subject": Subject.objects.filter(id=subject_id, erased_at=None).count(),
            "subject_key": SubjectKey.objects.filter(subject_id=subject_id).count(),
        }

    def export(self, subject_id: int) -> dict[str, Rows]:
        rows = Subject.objects.filter(id=subject_id).values("id", "created_at", "key_version")
        return {"subject": list(rows)}

    def erase(self, subject_id: int) -> dict[str, int]:
        keys, _ = SubjectKey.objects.filter(subject_id=subject_id).delete()
        rows = Subject.objects.filter(id=subject_id).update(
            lookup=os.urandom(LOOKUP_BYTES), external_id_sealed=None, erased_at=now()
        )
        return {"subject_key": keys, "subject": rows}
