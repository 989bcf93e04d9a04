"""Asking the ledger: who may be used for what now, and how much of the tenant is covered."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np
from django.db.models import Count, Q, QuerySet
from django.utils.timezone import now

from tenants.consent.fold import FLAGGED, GRANTING, STRICTNESS, Fact, State, fold
from tenants.consent.ledger import Notices, fact_of, flags_for, flags_of
from tenants.consent.minors import minors_of
from tenants.consent.models import ConsentFlag, ConsentRecord, ConsentState
from tenants.consent.policy import purposes_of, storing_purposes, uses
from tenants.consent.vocabulary import CollectionMethod, FlagKind, Purpose, Use
from tenants.errors import NotFound
from tenants.ids import parse_id
from tenants.isolation.binary_arrays import BigInts, Texts, array_cursor
from tenants.subjects.models import Subject

# `storing` for many subjects, asked with every streamed event.
STORABLE = """
select distinct subject_id from consent_consentstate
where subject_id = any(%(subjects)s) and purpose = any(%(purposes)s) and state = 'given'
    and valid_from <= %(moment)s and (expires_at is null or expires_at > %(moment)s)
"""


def in_force(at: datetime | None = None) -> Q:
    """The condition under which a ConsentState allows; the SQL twin of `State.allows`."""
    moment = at or now()
    lasting = Q(expires_at=None) | Q(expires_at__gt=moment)
    return Q(state="given", valid_from__lte=moment) & lasting


def consenting(use: Use, at: datetime | None = None) -> QuerySet[ConsentState]:
    """The states of all subjects who allow `use` at `at` (now): of its first purpose, where they
    allow the others as well.
    """
    first, *others = purposes_of(use)
    allowed = ConsentState.objects.filter(in_force(at), purpose=first.value)
    for other in others:
        too = ConsentState.objects.filter(in_force(at), purpose=other.value)
        allowed = allowed.filter(subject_id__in=too.values("subject_id"))
    return allowed


def later_only() -> QuerySet[ConsentRecord]:
    """The records whose notice says that only what came after the consent counts."""
    return ConsentRecord.objects.filter(notice__later_events_only=True)


def storing() -> QuerySet[ConsentState]:
    """The states that let a subject's events be stored: consent to any purpose that we use."""
    purposes = [purpose.value for purpose in storing_purposes()]
    return ConsentState.objects.filter(in_force(), purpose__in=purposes)


def storable(subject_ids: Iterable[int]) -> set[int]:
    """Those of `subject_ids` whose events may be stored."""
    asked = np.fromiter(subject_ids, np.int64)
    if not len(asked):
        return set()
    purposes = [purpose.value for purpose in storing_purposes()]
    with array_cursor() as cursor:
        values = {"subjects": BigInts(asked), "purposes": Texts(purposes), "moment": now()}
        cursor.execute(STORABLE, values, binary=True)
        return {subject_id for (subject_id,) in cursor}


def storing_by_subject(subject_ids: Iterable[int]) -> dict[int, set[str]]:
    """Which purposes that let an event be stored each subject allows now."""
    found: dict[int, set[str]] = {}
    rows = storing().filter(subject_id__in=list(subject_ids))
    for subject_id, purpose in rows.values_list("subject_id", "purpose"):
        found.setdefault(subject_id, set()).add(purpose)
    return found


def why_not_storable(subject_ids: Iterable[int]) -> dict[int, str]:
    """For subjects without any storable purpose: the code of their strictest known state."""
    codes: dict[int, str] = {}
    rows = ConsentState.objects.filter(
        subject_id__in=list(subject_ids), purpose__in=[p.value for p in storing_purposes()]
    ).values_list("subject_id", "state", "code", "expires_at")
    moment = now()
    for subject_id, state, code, expires_at in rows:
        if state == "given":  # and yet not in force: over, or not begun by the sender's clock
            over = expires_at is not None and expires_at <= moment
            code = "expired" if over else "no_record"
        codes[subject_id] = max(codes.get(subject_id, "no_record"), code, key=STRICTNESS.index)
    return codes


def find_records(names: Iterable[str]) -> dict[str, UUID]:
    """The records behind public ids (`cns_…`) or receipts, by name; unknown ones are left out."""
    wanted = set(names)
    stored = ConsentRecord.objects.filter(Q(receipt_id__in=wanted) | Q(id__in=_public(wanted)))
    return {
        name: record.id
        for record in stored.only("id", "receipt_id")
        for name in (record.receipt_id, record.public_id)
        if name in wanted
    }


def subjects_of_records(names: Iterable[str]) -> dict[str, int]:
    """Whose grants these public ids or receipts name; what grants nothing is left out."""
    found = find_records(names)
    granting = ConsentRecord.objects.filter(pk__in=found.values(), event__in=GRANTING)
    owners = dict(granting.values_list("pk", "subject_id"))
    return {name: owners[pk] for name, pk in found.items() if pk in owners}


def granted_at(subject_ids: Iterable[int]) -> list[tuple[int, str, datetime]]:
    """Subject, purpose and time of every grant of these subjects."""
    grants = ConsentRecord.objects.filter(subject_id__in=list(subject_ids), event__in=GRANTING)
    return list(grants.values_list("subject_id", "purpose", "event_time"))


def _public(names: Iterable[str]) -> list[UUID]:
    found = []
    for name in names:
        with suppress(NotFound):
            found.append(parse_id("consent record", name))
    return found


def state_at(
    subject_id: int, purpose: Purpose, at: datetime, known_at: datetime | None = None
) -> State:
    """The state at `at`, from what was recorded by `known_at` (None: all that is known now)."""
    records = ConsentRecord.objects.filter(subject_id=subject_id, purpose=purpose.value)
    flags = ConsentFlag.objects.filter(subject_id=subject_id)
    if known_at:
        records = records.filter(recorded_at__lte=known_at)
        flags = flags.filter(recorded_at__lte=known_at)
    told, notices = flags_for(purpose.value, flags), Notices(known_at)
    minors = minors_of([subject_id], known_at)
    return fold((fact_of(record, notices, minors) for record in records), at, told)


def states_at(
    asked: Collection[tuple[int, str, datetime]],
) -> dict[tuple[int, str, datetime], State]:
    """`state_at` of many subjects, purposes and moments, by all that is known now: as many
    questions to the ledger as for one."""
    subjects = {subject_id for subject_id, _, _ in asked}
    if not subjects:
        return {}
    notices, minors, flags = Notices(), minors_of(subjects), flags_of(subjects)
    facts: dict[tuple[int, str], list[Fact]] = {}
    purposes = {purpose for _, purpose, _ in asked}
    for record in ConsentRecord.objects.filter(subject_id__in=subjects, purpose__in=purposes):
        known = facts.setdefault((record.subject_id, record.purpose), [])
        known.append(fact_of(record, notices, minors))
    return {
        (subject_id, purpose, at): fold(
            facts.get((subject_id, purpose), ()),
            at,
            flags_for(purpose, flags.get(subject_id, ())),
        )
        for subject_id, purpose, at in asked
    }


def gpc_honoured_at(subject_id: int) -> datetime | None:
    """When `Sec-GPC: 1` last opted the subject out; None where it never did."""
    heard = ConsentRecord.objects.filter(
        subject_id=subject_id, collection_method=CollectionMethod.GPC_HEADER
    )
    return heard.order_by("-event_time").values_list("event_time", flat=True).first()


def raised_flags(subject_id: int) -> dict[FlagKind, list[Purpose]]:
    """What is restricted or objected to now: the purposes by kind, in their usual order."""
    flags = list(ConsentFlag.objects.filter(subject_id=subject_id))
    found = {
        kind: [
            purpose
            for purpose in Purpose
            if fold((), flags=(f for f in flags_for(purpose, flags) if f.kind == kind)).code == word
        ]
        for kind, word in FLAGGED.items()
    }
    return {kind: purposes for kind, purposes in found.items() if purposes}


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
    used = {purpose for row in uses().values() for purpose in row}
    return [Coverage(p, counted.get(p.value, 0), known) for p in Purpose if p in used]
