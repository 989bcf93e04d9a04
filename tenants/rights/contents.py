"""What a person's export holds: the rows of every subject store, who had them, and what the rooms
above tell of them (derived, learnt from, reviewed, how long it is kept). Knows no table by name but
those that are theirs to take along.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.consent.store import recipients
from tenants.subjects.store import Rows

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
    for dotted in settings.SUBJECT_STORES:
        for name, rows in import_string(dotted)().export(subject_id).items():
            if name in PORTABLE:
                yield Part(name, "provided_or_observed", rows)
            elif not portable:
                yield Part(name, "held", rows)
    if portable:
        return
    for name, dotted in settings.SUBJECT_ANNEXES.items():
        yield Part(name, "told", import_string(dotted)(subject_id))
    yield Part("recipients", "told", recipients(subject_id))
