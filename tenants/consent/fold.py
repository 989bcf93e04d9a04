"""The effective state of a consent: a pure fold over the set of its records.

Any order of arrival and any replay give the same state, because the fold sorts the set by
(event time, restrictiveness, record hash) first. Flags lie over the result: whoever is restricted
or has objected is not used, whatever they consented to. Knows neither database nor clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import groupby

from tenants.consent.vocabulary import ConsentEvent, FlagKind

UNKNOWN = "unknown"
CONFLICT = "conflict"
# Consent given under a notice that says something else by now, until it is renewed (PIPL 14).
SUSPENDED = "suspended"
NOTICE_CHANGED = "notice_changed"
GRANTING = (ConsentEvent.GIVEN, ConsentEvent.RENEWED)
FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Fact:
    """What the fold needs of one record. `hearsay`: it came by import; `evidenced`: with proof.

    `minor_unguarded`: the person is too young to consent alone and no guardian's record is named.
    `suspends_at`: from when another notice, which says other things, replaces the one it names.
    """

    record_id: str
    record_hash: bytes
    event: ConsentEvent
    event_time: datetime
    expires_at: datetime | None = None
    hearsay: bool = False
    evidenced: bool = False
    minor_unguarded: bool = False
    suspends_at: datetime | None = None


@dataclass(frozen=True)
class Flag:
    """A restriction or an objection set (`raised`) or lifted at a moment, for one purpose."""

    kind: FlagKind
    raised: bool
    at: datetime


@dataclass(frozen=True)
class State:
    """The state at a moment: only `given` allows; `code` says why anything else does not."""

    state: str = UNKNOWN
    code: str = "no_record"
    record_id: str | None = None
    valid_from: datetime | None = None
    expires_at: datetime | None = None
    suspends_at: datetime | None = None
    # A withdrawal on the tenant's own channel, which an import without proof cannot undo.
    withdrawn_first_hand: bool = False

    def allows(self, at: datetime) -> bool:
        """Whether processing at `at` may rely on it; expiry counts to the exact moment."""
        return (
            self.state == ConsentEvent.GIVEN
            and self.valid_from is not None
            and self.valid_from <= at
            and (self.ends_at is None or at < self.ends_at)
        )

    @property
    def ends_at(self) -> datetime | None:
        """From when nobody may rely on it any more, None when no end is known."""
        return _earliest(self.expires_at, self.suspends_at)


def fold(facts: Iterable[Fact], at: datetime | None = None, flags: Iterable[Flag] = ()) -> State:
    """The state of one subject and purpose, as of `at` (None: after every record and flag)."""
    return _flagged(_folded(facts, at), flags, at)


def _folded(facts: Iterable[Fact], at: datetime | None) -> State:
    known = _told_once(facts)
    state = State()
    past = [fact for fact in known.values() if at is None or fact.event_time <= at]
    for instant, told in groupby(sorted(past, key=_order), key=lambda fact: fact.event_time):
        # Before all of an instant and not between two of them: which comes first is no fact.
        state = reduce(_apply, told, lapse(state, instant))
    if at is None:
        return state
    return _void(lapse(state, at), [fact for fact in known.values() if fact.event_time > at])


def _told_once(facts: Iterable[Fact]) -> dict[bytes, Fact]:
    """Each fact once. A revoked opt-out counts for nothing beside a stop of the same instant:
    had it come first, the stop would still stand, with all that it was before.
    """
    known = {fact.record_hash: fact for fact in facts}
    stopped = {fact.event_time for fact in known.values() if fact.event in STOPPING}
    return {
        digest: fact if fact.event not in GRANTING else _shortest(fact, known.values())
        for digest, fact in known.items()
        if fact.event != ConsentEvent.OPT_OUT_REVOKED or fact.event_time not in stopped
    }


def _shortest(grant: Fact, facts: Iterable[Fact]) -> Fact:
    """Grants of one instant share the soonest end and the soonest suspension among them."""
    same = [f for f in facts if f.event in GRANTING and f.event_time == grant.event_time]
    return replace(
        grant,
        expires_at=_earliest(*(each.expires_at for each in same)),
        suspends_at=_earliest(*(each.suspends_at for each in same)),
    )


def _flagged(state: State, flags: Iterable[Flag], at: datetime | None) -> State:
    """What the last word on each kind of flag makes of it; a tie goes to the flag."""
    flags = list(flags)
    for kind, word in FLAGGED.items():
        told = [flag for flag in flags if flag.kind == kind and (at is None or flag.at <= at)]
        if told and max(told, key=lambda flag: (flag.at, flag.raised)).raised:
            return replace(state, state=word, code=word)
    return state


def _order(fact: Fact) -> tuple[datetime, int, bool, timedelta, timedelta, bool, bool, bytes]:
    """Of one instant the stricter is last; of its grants, the child's, then the sooner ended, then
    hearsay. Given and renewed are of one rank: the shorter of the two counts.
    """
    rank = 0 if fact.event in GRANTING else fact.event.rank
    # Of two that revoke an opt-out the first counts: it is to be the one that undoes less.
    weaker = fact.event == ConsentEvent.OPT_OUT_REVOKED and not fact.hearsay
    cut = _before_far(_earliest(fact.expires_at, fact.suspends_at))
    ends = _before_far(fact.expires_at)
    doubted = fact.hearsay and not fact.evidenced
    return fact.event_time, rank, fact.minor_unguarded, cut, ends, doubted, weaker, fact.record_hash


def _before_far(end: datetime | None) -> timedelta:
    return FAR - end if end else timedelta(0)


def _void(state: State, later: Iterable[Fact]) -> State:
    """An invalidation reaches back: what was given before it was never lawful."""
    if state.state in IN_PLACE and any(fact.event == ConsentEvent.INVALIDATED for fact in later):
        code = CODES[ConsentEvent.INVALIDATED]
        return replace(state, state=ConsentEvent.INVALIDATED.value, code=code)
    return state


def lapse(state: State, at: datetime) -> State:
    """What time alone has made of it by `at`: over, or resting on a notice that has changed."""
    if state.state not in IN_PLACE:
        return state
    if state.expires_at and state.expires_at <= at:
        return replace(state, state=ConsentEvent.EXPIRED.value, code="expired")
    if state.suspends_at and state.suspends_at <= at:
        return replace(state, state=SUSPENDED, code=NOTICE_CHANGED)
    return state


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment), default=None)


def _apply(state: State, fact: Fact) -> State:
    """One step of the state machine: what `fact` makes of `state`."""
    if fact.event in GRANTING:
        return _grant(state, fact)
    if fact.event == ConsentEvent.REQUESTED and state.state != UNKNOWN:
        return state  # asking again changes nothing
    if fact.event == ConsentEvent.EXPIRED and state.state not in IN_PLACE:
        return state  # only what is in force can expire
    if fact.event == ConsentEvent.OPT_OUT_REVOKED and state.state != ConsentEvent.OPTED_OUT:
        return state  # only an opt-out can be revoked
    first_hand = fact.event in STOPPING and not fact.hearsay
    return State(
        state=fact.event.value,
        code=CODES[fact.event],
        record_id=fact.record_id,
        valid_from=fact.event_time,
        withdrawn_first_hand=first_hand or (state.withdrawn_first_hand and fact.hearsay),
    )


def _grant(state: State, fact: Fact) -> State:
    if fact.event == ConsentEvent.RENEWED and state.state not in IN_PLACE:
        return state  # what is not in force cannot be renewed: it takes a fresh consent
    denial = ""
    if state.withdrawn_first_hand and fact.hearsay and not fact.evidenced:
        denial = CONFLICT
    elif fact.minor_unguarded:
        denial = "minor_no_guardian"
    return State(
        state=denial or ConsentEvent.GIVEN.value,
        code=denial,
        record_id=fact.record_id,
        valid_from=fact.event_time,
        expires_at=None if denial else fact.expires_at,
        suspends_at=None if denial else fact.suspends_at,
        withdrawn_first_hand=state.withdrawn_first_hand and bool(denial),
    )


# Given, and neither over nor stopped: what can be renewed and can expire.
IN_PLACE = (ConsentEvent.GIVEN, SUSPENDED)
# What each kind of flag makes of every state, the stricter first.
FLAGGED = {FlagKind.RESTRICTION: "restricted", FlagKind.OBJECTION: "objected"}
STOPPING = (
    ConsentEvent.WITHDRAWN,
    ConsentEvent.REFUSED,
    ConsentEvent.OPTED_OUT,
    ConsentEvent.INVALIDATED,
)
# Why a state that is not `given` denies.
CODES = {
    ConsentEvent.REQUESTED: "purpose_missing",
    ConsentEvent.EXPIRED: "expired",
    ConsentEvent.REFUSED: "refused",
    ConsentEvent.WITHDRAWN: "withdrawn",
    ConsentEvent.OPTED_OUT: "opted_out",
    ConsentEvent.OPT_OUT_REVOKED: "no_record",
    ConsentEvent.INVALIDATED: "invalidated",
}
# Every such code, the least strict first: what is said of a subject with several purposes.
STRICTNESS = (
    "no_record",
    "purpose_missing",
    "expired",
    NOTICE_CHANGED,
    "minor_no_guardian",
    CONFLICT,
    "opted_out",
    "refused",
    "withdrawn",
    "objected",
    "restricted",
    "invalidated",
)
