"""Asking the ledger: who may be used for what now, and how much of the tenant is covered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from tenants.consent.fold import State, fold
from tenants.consent.ledger import fact_of
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.vocabulary import PURPOSE_OF, STORABLE, Purpose, Use
from tenants.subjects.models import Subject


def in_force(at: datetime | None = None) -> Q:
    """The condition under which a ConsentState allows; the SQL twin of `State.allows`."""
    moment = at or now()
    lasting = Q(expires_at=None) | Q(expires_at__gt=moment)
    return Q(state="given", valid_from__lte=moment) & lasting


def consenting(use: Use, at: datetime | None = None) -> QuerySet[ConsentState]:
    """The states of all subjects who allow `use` at `at` (now)."""
    return ConsentState.objects.filter(in_force(at), purpose=PURPOSE_OF[use].value)


def storable(subject_ids: Iterable[int]) -> set[int]:
    """Those of `subject_ids` whose events may be stored: consent to any purpose that we use."""
    allowed = ConsentState.objects.filter(
        in_force(),
        purpose__in=[p.value for p in STORABLE],
        subject_id__in=list(subject_ids),
    )
    return set(allowed.values_list("subject_id", flat=True))


def why_not_storable(subject_ids: Iterable[int]) -> dict[int, str]:
    """For subjects without any storable purpose: the code of their strictest known state."""
    codes: dict[int, str] = {}
    rows = ConsentState.objects.filter(
        subject_id__in=list(subject_ids), purpose__in=[p.value for p in STORABLE]
    ).values_list("subject_id", "state", "code", "expires_at")
    moment = now()
    for subject_id, state, code, expires_at in rows:
        late = state == "given" and expires_at is not None and expires_at <= moment
        codes[subject_id] = max(codes.get(subject_id, ""), "expired" if late else code)
    return codes


def state_at(
    subject_id: int, purpose: Purpose, at: datetime, known_at: datetime | None = None
) -> State:
    """The state at `at`, from what was recorded by `known_at` (None: all that is known now)."""
    records = ConsentRecord.objects.filter(subject_id=subject_id, purpose=purpose.value)
    if known_at:
        records = records.filter(recorded_at__lte=known_at)
    return fold((fact_of(record) for record in records), at)


@dataclass(frozen=True)
class Coverage:
    """How many of the known subjects allow a purpose now."""

    purpose: Purpose
    subjects: int
    known: int


def coverage() -> list[Coverage]:
    """Coverage of every purpose that Attune uses, in the order of the vocabulary."""
    known = Subject.objects.filter(erased_at=None).count()
    counted = dict(
        ConsentState.objects.filter(in_force())
        .values_list("purpose")
        .annotate(n=Count("subject_id"))
    )
    used = set(PURPOSE_OF.values())
    return [Coverage(p, counted.get(p.value, 0), known) for p in Purpose if p in used]
