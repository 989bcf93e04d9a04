"""What a person's export holds: the rows of every subject store, what is derived of them, who had
them, and how long it is kept. Knows no table by name but those that are theirs to take along.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.consent.store import recipients
from tenants.subjects.store import Rows, SubjectStore

# What the person provided or was observed doing, which they may take elsewhere (GDPR 20); all else
# is inferred of them, or is about how their data were handled (GDPR 15).
PORTABLE = frozenset({"subject", "event", "consent_record"})


@dataclass(frozen=True)
class Part:
    """One table of an export: its name, where it comes from, and its rows, which are read once."""

    name: str
    origin: str
    rows: Rows


def parts(subject_id: int, *, portable: bool) -> Iterator[Part]:
    """Every part of the export of one person of the tenant in scope; `portable`: only what may be
    taken along.
    """
    stores = [import_string(dotted)() for dotted in settings.SUBJECT_STORES]
    for store in stores:
        for name, rows in store.export(subject_id).items():
            if name in PORTABLE:
                yield Part(name, "provided_or_observed", rows)
            elif not portable:
                yield Part(name, "held", rows)
    if portable:
        return
    for name, dotted in settings.SUBJECT_ANNEXES.items():
        yield Part(name, "told", import_string(dotted)(subject_id))
    yield Part("recipients", "told", recipients(subject_id))
    yield Part("retention", "told", _retention(stores))


def _retention(stores: list[SubjectStore]) -> Iterator[Mapping[str, Any]]:
    """How long each table of the person is kept."""
    for store in stores:
        for table, until in store.kept.items():
            yield {"table": table, "kept": until}
