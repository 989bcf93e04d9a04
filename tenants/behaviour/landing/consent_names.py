"""Which record a row of a file names as a guardian's: a stored one, or one of the same file.

A child's row may stand before its guardian's, even in an earlier batch. So the id of a grant in
a file follows from the file, its own name there and its purpose: whoever names it knows it already.
"""

from collections.abc import Iterable
from hashlib import blake2b
from uuid import UUID

from tenants.behaviour.cleaning.consent_cleaning import ConsentRow
from tenants.consent.fold import GRANTING
from tenants.consent.models import ConsentRecord
from tenants.consent.queries import find_records
from tenants.ids import seven
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant


class Names:
    """The names of one batch of a file, as far as they lead somewhere."""

    def __init__(self, upload_id: UUID, rows: Iterable[ConsentRow]) -> None:
        self._upload = upload_id
        rows = list(rows)
        told = {name for row in rows for name in (row.guardian_record_id, row.supersedes) if name}
        self._stored = find_records(told)
        self._own: dict[UUID, int] = {}
        for row in rows:
            if row.record_id and row.event in GRANTING:  # of two with one name the first has it
                self._own.setdefault(self._id(row.record_id, row.purpose), row.row)
        asked = {self._id(row.guardian_record_id, row.purpose) for row in rows
                 if row.guardian_record_id}  # fmt: skip
        wanted = asked | self._own.keys() | set(self._stored.values())
        there = ConsentRecord.objects.filter(id__in=wanted, event__in=GRANTING)
        self._there = dict(there.values_list("id", "purpose"))

    def own(self, row: ConsentRow) -> UUID | None:
        """The id that the row's record must have, None where any will do."""
        if not row.record_id or row.event not in GRANTING:
            return None
        named = self._id(row.record_id, row.purpose)
        return named if self._own.get(named) == row.row and named not in self._there else None

    def guardian(self, row: ConsentRow) -> UUID | None:
        """The record that the row names. One that nobody stores proves nothing: the child stays
        unguarded until it comes.
        """
        if not row.guardian_record_id:
            return None
        here = self._id(row.guardian_record_id, row.purpose)
        stored = self._stored.get(row.guardian_record_id, here)
        if here not in self._there and self._there.get(stored) == row.purpose:
            return stored  # also where the file repeats a guardian's row that an earlier one had
        return here if here in self._there or here in self._own else stored

    def superseded(self, row: ConsentRow) -> UUID | None:
        """The stored record that the row corrects."""
        return self._stored.get(row.supersedes or "")

    def _id(self, name: str, purpose: str) -> UUID:
        told = "\x1f".join((self._upload.hex, name, purpose)).encode()
        key = lasting_key(current_tenant(), "dedup")
        return seven(self._upload.bytes[:6] + blake2b(told, digest_size=10, key=key).digest())
