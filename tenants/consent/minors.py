"""Who is too young to consent alone, and whether a guardian's consent stood (PIPL 31; GDPR 8).

An age that was told stands until another is told: a record that says none speaks of the same
person. Knows nothing of notices and flags: they are about the guardian's own data.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from tenants.consent.fold import GRANTING, STOPPING, Fact, fold
from tenants.consent.models import ConsentRecord
from tenants.consent.vocabulary import (
    AGE_OF_CONSENT,
    AGE_OF_CONSENT_ELSEWHERE,
    YOUNGEST,
    AgeBand,
    CollectionMethod,
    ConsentEvent,
)

OF_AGE = YOUNGEST[AgeBand.ADULT]
Ages = Mapping[int, Sequence[ConsentRecord]]


@dataclass(frozen=True)
class Minors:
    """`alone`: the grants by who is too young, where no guardian's consent stood. `ends`: when
    the guardian ended the consent on which another grant rests.
    """

    told: frozenset[int] = frozenset()  # whose age is known
    alone: frozenset[UUID] = frozenset()
    ends: Mapping[UUID, datetime] = field(default_factory=dict)


NOBODY = Minors()


def minors_of(subject_ids: Iterable[int], known_at: datetime | None = None) -> Minors:
    """What the records of these subjects amount to, of those recorded by `known_at` (all)."""
    known = _known(known_at)
    ages = _ages(known, subject_ids)
    if not ages:
        return NOBODY
    grants = known.filter(subject_id__in=ages, event__in=GRANTING)
    young = [grant for grant in grants if _too_young(grant, ages)]
    guards = _Guards(known, {one.guardian_record_id for one in young if one.guardian_record_id})
    guarded = {child.id: child for child in young if guards.stood(child)}
    ends = {each: end for each, child in guarded.items() if (end := guards.end(child))}
    return Minors(frozenset(ages), frozenset(one.id for one in young) - guarded.keys(), ends)


def _known(at: datetime | None) -> QuerySet[ConsentRecord]:
    every = ConsentRecord.objects.all()
    return every.filter(recorded_at__lte=at) if at else every


def relatives(subject_ids: Iterable[int], guards: Iterable[UUID] = ()) -> set[int]:
    """Whose records these subjects' records name as a guardian's, or `guards` are; and who names
    theirs. What one of them says may change what the other's consent amounts to.
    """
    own = ConsentRecord.objects.filter(subject_id__in=subject_ids)
    named = own.filter(guardian_record_id__isnull=False).values("guardian_record_id")
    guardians = ConsentRecord.objects.filter(id__in=named)
    children = children_of(subject_ids)
    rows = guardians.values_list("subject_id").union(
        children.values_list("subject_id"),
        ConsentRecord.objects.filter(id__in=list(guards)).values_list("subject_id"),
    )
    return {subject_id for (subject_id,) in rows}


def children_of(subject_ids: Iterable[int]) -> QuerySet[ConsentRecord]:
    """The records that name one of these subjects' as a guardian's."""
    own = ConsentRecord.objects.filter(subject_id__in=subject_ids)
    return ConsentRecord.objects.filter(guardian_record_id__in=own.values("id"))


def ended_with(stops: Iterable[ConsentRecord]) -> list[ConsentRecord]:
    """These stops as they concern the children whose guardians said them: unsaved records."""
    said: dict[tuple[int, str], list[ConsentRecord]] = {}
    for stop in stops:
        said.setdefault((stop.subject_id, stop.purpose), []).append(stop)
    children = children_of({subject_id for subject_id, _ in said})
    named = set(children.values_list("subject_id", "purpose", "guardian_record_id"))
    guards = ConsentRecord.objects.in_bulk([guard for _, _, guard in named]) if named else {}
    return [
        ConsentRecord(
            subject_id=child, purpose=purpose, event=stop.event, event_time=stop.event_time
        )
        for child, purpose, guard in sorted(named)
        for stop in said.get((guards[guard].subject_id, purpose), ())
    ]


def _ages(
    known: QuerySet[ConsentRecord], subject_ids: Iterable[int]
) -> dict[int, list[ConsentRecord]]:
    """The records that tell an age, by subject, in order; of one moment the youngest last."""
    told = known.filter(subject_id__in=subject_ids, age_band__in=list(AgeBand))
    found: dict[int, list[ConsentRecord]] = {}
    for one in sorted(told, key=lambda one: (one.event_time, -YOUNGEST[one.age_band])):
        found.setdefault(one.subject_id, []).append(one)
    return found


def _telling(record: ConsentRecord, ages: Ages) -> ConsentRecord | None:
    """What tells how old the subject was: the record itself, or the last that did before it."""
    if record.age_band:
        return record
    told = [one for one in ages.get(record.subject_id, ()) if one.event_time <= record.event_time]
    return told[-1] if told else None


def _too_young(record: ConsentRecord, ages: Ages) -> bool:
    """Whether the subject may be too young to consent alone where they are."""
    telling = _telling(record, ages)
    if telling is None:
        return False
    # A place that is only the tenant's own says nothing against one that came with the age.
    placed = record if record.jurisdiction_derivation == "declared" else telling
    country = placed.jurisdiction.partition("-")[0]
    # Only grants are held to the vocabulary, so that no withdrawal fails for want of a word.
    youngest = YOUNGEST.get(telling.age_band, 0)
    return youngest < AGE_OF_CONSENT.get(country, AGE_OF_CONSENT_ELSEWHERE)


class _Guards:
    """The guardians' records that are named, and everything else that those people said."""

    def __init__(self, known: QuerySet[ConsentRecord], named: Collection[UUID]) -> None:
        self._named = known.in_bulk(named) if named else {}
        people = {guard.subject_id for guard in self._named.values()}
        self._ages = _ages(known, people)
        self._said: dict[tuple[int, str], list[ConsentRecord]] = {}
        for one in known.filter(subject_id__in=people):
            self._said.setdefault((one.subject_id, one.purpose), []).append(one)

    def stood(self, child: ConsentRecord) -> bool:
        """Whether the child's record names a grant for the same purpose by somebody else who is
        of age, and their consent stood when the child's was given.
        """
        guard = self._guard(child)
        if guard is None:
            return False
        moment = max(child.event_time, guard.event_time)
        said = self._said[guard.subject_id, guard.purpose]
        return (
            guard.event in GRANTING
            and guard.purpose == child.purpose
            and guard.subject_id != child.subject_id
            and self._grown(guard, moment)
            and (guard.expires_at is None or guard.expires_at > child.event_time)
            and fold(map(_fact, said), moment).state == ConsentEvent.GIVEN
        )

    def end(self, child: ConsentRecord) -> datetime | None:
        """When the guardian next said no after the child's grant."""
        guard = self._guard(child)
        assert guard  # nosec B101 # asked only of what stood
        moment = max(child.event_time, guard.event_time)
        said = self._said[guard.subject_id, guard.purpose]
        later = (one.event_time for one in said if one.event in STOPPING)
        return min((at for at in later if at > moment), default=None)

    def _guard(self, child: ConsentRecord) -> ConsentRecord | None:
        named = child.guardian_record_id
        return self._named.get(named) if named else None

    def _grown(self, guard: ConsentRecord, moment: datetime) -> bool:
        """Whether nothing that was told until then makes the guardian a minor."""
        told = [one for one in self._ages.get(guard.subject_id, ()) if one.event_time <= moment]
        tellings = [_telling(guard, self._ages), told[-1] if told else None]
        return all(YOUNGEST.get(one.age_band, 0) >= OF_AGE for one in tellings if one)


def _fact(record: ConsentRecord) -> Fact:
    return Fact(
        record_id=str(record.id),
        record_hash=bytes(record.record_hash),
        event=ConsentEvent(record.event),
        event_time=record.event_time,
        expires_at=record.expires_at,
        hearsay=record.collection_method == CollectionMethod.IMPORT,
        evidenced=bool(record.evidence),
    )
