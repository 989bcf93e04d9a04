"""The effective state of a consent: properties of the fold that hold for every set of records."""

import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenants.consent.fold import (
    CODES,
    CONFLICT,
    FLAGGED,
    GRANTING,
    STOPPING,
    STRICTNESS,
    Fact,
    Flag,
    State,
    fold,
)
from tenants.consent.vocabulary import ConsentEvent, FlagKind

# A busy machine is no fault of the fold.
settings.register_profile("busy", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("busy")
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
E = ConsentEvent
ENDING = (*STOPPING, E.EXPIRED)


def fact(event: ConsentEvent, hour: float = 0, **more: object) -> Fact:
    """One record at START + `hour`; its id and hash follow from what it says."""
    made = Fact("", b"", event, START + hour * HOUR, **more)
    digest = hashlib.sha256(repr(made).encode()).digest()
    return replace(made, record_id=digest.hex()[:8], record_hash=digest)


moments = st.integers(0, 6)  # few, so that records often fall on one instant
facts = st.builds(
    fact,
    st.sampled_from(list(ConsentEvent)),
    moments,
    expires_at=st.none() | moments.map(lambda hour: START + hour * HOUR),
    hearsay=st.booleans(),
    evidenced=st.booleans(),
    minor_unguarded=st.booleans(),
    suspends_at=st.none() | moments.map(lambda hour: START + hour * HOUR),
)
histories = st.lists(facts, max_size=8)
times = st.integers(-1, 14).map(lambda half: START + half * HOUR / 2)


@given(histories, st.randoms(use_true_random=False), times)
def test_s02_no_order_of_arrival_changes_the_state(history, chance: random.Random, at):
    """Acceptance statement 2."""
    mixed = list(history)
    chance.shuffle(mixed)
    assert fold(mixed) == fold(history)
    assert fold(mixed, at) == fold(history, at)


@given(histories, st.data(), times)
def test_s02_no_replay_changes_the_state(history, data, at):
    """Acceptance statement 2."""
    again = data.draw(st.lists(st.sampled_from(history))) if history else []
    assert fold([*history, *again]) == fold(history)
    assert fold([*again, *history], at) == fold(history, at)


@given(histories, facts.filter(lambda f: f.event in ENDING), st.booleans(), times)
def test_s03_what_ends_consent_wins_against_what_grants_it_at_the_same_instant(
    history, ending, hearsay, at
):
    """Acceptance statement 3: equal times go to the stricter."""
    same = fact(E.GIVEN, 0, hearsay=hearsay)
    same = replace(same, event_time=ending.event_time)
    earlier = [f for f in history if f.event_time < ending.event_time]
    state = fold([*earlier, same, ending])
    assert state.state != "given"
    assert not state.allows(at)


@given(histories, facts.filter(lambda f: f.event in STOPPING), st.randoms(use_true_random=False))
def test_a_stop_that_is_learnt_late_counts_from_when_it_happened(history, stop, chance):
    """Whatever came before it, and however late it is told."""
    before = [f for f in history if f.event_time <= stop.event_time]
    told = [*before, stop]
    chance.shuffle(told)
    assert not any(fold(told).allows(stop.event_time + hours * HOUR) for hours in (0, 1, 100_000))


@given(histories, times)
def test_only_given_allows_and_every_denial_has_a_known_code(history, at):
    state = fold(history, at)
    if state.allows(at):
        assert (state.state, state.code) == ("given", "")
        assert any(f.record_id == state.record_id for f in history)
    elif state.state != "given":
        assert state.code in STRICTNESS


@given(histories, times)
def test_asking_at_a_moment_is_asking_those_records_that_had_happened(history, at):
    known = [f for f in history if f.event_time <= at]
    voided = any(f.event == E.INVALIDATED and f.event_time > at for f in history)
    assert fold(history, at).allows(at) == (fold(known).allows(at) and not voided)


@given(histories, facts.filter(lambda f: f.event in STOPPING), times)
def test_one_more_stop_never_widens(history, stop, at):
    """It can end a consent, wherever it falls; it can never make one."""
    if fold([*history, stop], at).allows(at):
        assert fold(history, at).allows(at)


@given(histories.map(lambda h: [f for f in h if f.event != E.GIVEN]), times)
def test_nothing_but_a_grant_makes_a_consent(history, at):
    """Asked, renewed or no longer opted out: none of it is a yes."""
    assert not fold(history, at).allows(at)


@given(st.lists(facts.map(lambda f: replace(f, minor_unguarded=True)), max_size=8), times)
def test_a_child_without_a_guardian_never_consents(history, at):
    """Acceptance statement 10."""
    assert not fold(history, at).allows(at)


def test_nobody_has_said_anything():
    assert fold([]) == State("unknown", "no_record")
    assert not fold([]).allows(START)


@pytest.mark.parametrize("event", list(ConsentEvent))
def test_each_event_alone(event):
    state = fold([fact(event)])
    expected = {
        E.GIVEN: ("given", ""),
        E.RENEWED: ("unknown", "no_record"),
        E.OPT_OUT_REVOKED: ("unknown", "no_record"),
        E.EXPIRED: ("unknown", "no_record"),
    }
    assert (state.state, state.code) == expected.get(event, (event.value, CODES.get(event)))


@pytest.mark.parametrize("event", STOPPING)
def test_each_stop_ends_a_consent_and_a_fresh_grant_begins_one(event):
    ended = [fact(E.GIVEN, 0), fact(event, 1)]
    assert (fold(ended).state, fold(ended).code) == (event.value, CODES[event])
    assert fold([*ended, fact(E.GIVEN, 2)]).state == "given"


def test_s09_expiry_counts_to_the_exact_moment():
    """Acceptance statement 9."""
    end = START + HOUR
    state = fold([fact(E.GIVEN, expires_at=end)])
    assert state.allows(end - timedelta(microseconds=1))
    assert not state.allows(end)
    assert fold([fact(E.GIVEN, expires_at=end)], end).code == "expired"
    assert fold([fact(E.GIVEN, expires_at=end)], end - timedelta(microseconds=1)).code == ""


def test_a_consent_does_not_count_before_it_was_given():
    state = fold([fact(E.GIVEN, 1)])
    assert not state.allows(START + HOUR - timedelta(microseconds=1))
    assert state.allows(START + HOUR)


def test_of_two_grants_at_one_instant_the_shorter_counts():
    short, long, endless = (
        fact(E.GIVEN, 0, expires_at=end) for end in (START + HOUR, START + 9 * HOUR, None)
    )
    for history in ([short, long, endless], [endless, long, short], [long, short]):
        assert fold(history).expires_at == START + HOUR


def test_of_two_grants_at_one_instant_the_childs_counts():
    """Acceptance statement 10: whoever may be too young is taken to be."""
    child, adult = fact(E.GIVEN, 0, minor_unguarded=True), fact(E.GIVEN, 0)
    assert fold([child, adult]).code == fold([adult, child]).code == "minor_no_guardian"


def test_a_renewal_prolongs_what_is_in_force_and_nothing_else():
    granted = fact(E.GIVEN, 0, expires_at=START + 2 * HOUR)
    renewed = fact(E.RENEWED, 1, expires_at=START + 9 * HOUR)
    assert fold([granted, renewed]).expires_at == START + 9 * HOUR
    late = fact(E.RENEWED, 3, expires_at=START + 9 * HOUR)
    assert fold([granted, late]).code == "expired"
    stopped = fact(E.WITHDRAWN, 0.5)
    assert fold([granted, stopped, renewed]).code == "withdrawn"


def test_asking_again_takes_nothing_away():
    assert fold([fact(E.GIVEN, 0), fact(E.REQUESTED, 1)]).state == "given"
    assert fold([fact(E.REQUESTED, 0)]).code == "purpose_missing"
    assert fold([fact(E.WITHDRAWN, 0), fact(E.REQUESTED, 1)]).code == "withdrawn"


def test_only_an_opt_out_is_revoked_and_that_alone_is_no_consent():
    assert fold([fact(E.OPTED_OUT, 0), fact(E.OPT_OUT_REVOKED, 1)]).code == "no_record"
    assert fold([fact(E.WITHDRAWN, 0), fact(E.OPT_OUT_REVOKED, 1)]).code == "withdrawn"


def test_hearsay_does_not_undo_what_the_person_said_themselves():
    withdrawn = fact(E.WITHDRAWN, 0)
    imported = fact(E.GIVEN, 1, hearsay=True)
    conflict = fold([withdrawn, imported])
    assert (conflict.state, conflict.code) == (CONFLICT, CONFLICT)
    assert fold([withdrawn, imported, fact(E.GIVEN, 2, hearsay=True)]).code == CONFLICT
    assert fold([withdrawn, fact(E.GIVEN, 1, hearsay=True, evidenced=True)]).state == "given"
    assert fold([withdrawn, imported, fact(E.GIVEN, 2)]).state == "given"


def test_hearsay_undoes_hearsay():
    history = [fact(E.WITHDRAWN, 0, hearsay=True), fact(E.GIVEN, 1, hearsay=True)]
    assert fold(history).state == "given"


@pytest.mark.parametrize("between", [E.WITHDRAWN, E.REFUSED, E.REQUESTED, E.EXPIRED])
def test_hearsay_in_between_does_not_wash_a_withdrawal_away(between):
    history = [
        fact(E.WITHDRAWN, 0),
        fact(between, 1, hearsay=True),
        fact(E.GIVEN, 2, hearsay=True),
    ]
    assert fold(history).code == CONFLICT


def test_what_was_invalidated_was_never_lawful():
    """Acceptance statement 26: also for a moment before anybody knew."""
    history = [fact(E.GIVEN, 0), fact(E.INVALIDATED, 4)]
    assert fold(history, START + HOUR).code == "invalidated"
    assert fold([fact(E.GIVEN, 0), fact(E.WITHDRAWN, 4)], START + HOUR).state == "given"
    afresh = [*history, fact(E.GIVEN, 5)]
    assert fold(afresh, START + 5 * HOUR).state == "given"
    assert fold(afresh, START + HOUR).code == "invalidated"


def test_every_denying_state_has_a_code():
    assert set(CODES) == set(ConsentEvent) - {E.GIVEN, E.RENEWED}


raised = st.builds(
    Flag, st.sampled_from(list(FlagKind)), st.booleans(), moments.map(lambda h: START + h * HOUR)
)


@given(histories, st.lists(raised, max_size=5), st.randoms(use_true_random=False), times)
def test_s02_no_order_of_flags_changes_the_state(history, flags, chance, at):
    """Facts and flags in any order, and told twice, give the same state (GDPR 7(1))."""
    mixed = [*flags, *flags]
    chance.shuffle(mixed)
    assert fold(history, at, mixed) == fold(history[::-1], at, flags)


@given(histories, st.lists(raised, max_size=5), times)
def test_flags_only_ever_narrow(history, flags, at):
    """Whatever is restricted or objected to, no consent comes of it (GDPR 18, 21)."""
    if fold(history, at, flags).allows(at):
        assert fold(history, at).allows(at)


@given(histories, st.sampled_from(list(FlagKind)), moments, times)
def test_a_raised_flag_overrides_every_state(history, kind, hour, at):
    """From its moment on, and the stricter of two at one moment."""
    flag = Flag(kind, True, START + hour * HOUR)
    lifted = Flag(kind, False, START + hour * HOUR)
    state = fold(history, at, [flag, lifted])
    if flag.at <= at:
        assert state.state == state.code == FLAGGED[kind]
        assert not state.allows(at)
    else:
        assert state == fold(history, at)


def test_a_lifted_flag_leaves_what_was_consented_to():
    for kind, word in FLAGGED.items():
        flags = [Flag(kind, True, START + HOUR), Flag(kind, False, START + 3 * HOUR)]
        history = [fact(E.GIVEN, 0)]
        assert fold(history, START + 2 * HOUR, flags).state == word
        assert fold(history, START + 3 * HOUR, flags) == fold(history)
    both = [Flag(kind, True, START) for kind in FlagKind]
    assert fold([], flags=both).state == "restricted"


def test_s08_a_changed_notice_suspends_from_its_moment_until_renewed_under_the_new_one():
    """PIPL 14: a changed purpose, method or category needs the consent anew."""
    old = fact(E.GIVEN, 0, suspends_at=START + 2 * HOUR)
    assert fold([old]).allows(START + 2 * HOUR - timedelta(microseconds=1))
    suspended = fold([old], START + 2 * HOUR)
    assert (suspended.state, suspended.code) == ("suspended", "notice_changed")
    assert not fold([old]).allows(START + 2 * HOUR)
    under_old = fact(E.RENEWED, 3, suspends_at=START + 2 * HOUR)
    assert fold([old, under_old], START + 4 * HOUR).code == "notice_changed"
    assert fold([old, fact(E.RENEWED, 3)], START + 4 * HOUR).state == "given"
    stopped = [old, fact(E.WITHDRAWN, 2.5), fact(E.RENEWED, 3)]
    assert fold(stopped, START + 4 * HOUR).code == "withdrawn"


def test_s08_what_is_suspended_can_still_run_out():
    old = fact(E.GIVEN, 0, suspends_at=START + HOUR, expires_at=START + 2 * HOUR)
    assert fold([old], START + HOUR).code == "notice_changed"
    assert fold([old], START + 2 * HOUR).code == "expired"
    assert fold([old, fact(E.RENEWED, 3)], START + 4 * HOUR).code == "expired"
    assert fold([old, fact(E.EXPIRED, 1)], START + HOUR).code == "expired"


def test_s03_of_a_grant_and_a_renewal_at_one_instant_the_shorter_counts():
    """GDPR 7(3): a tie goes to the stricter, whatever each is called."""
    short, long = START + HOUR, START + 9 * HOUR
    for one, two in ((short, long), (long, short)):
        history = [fact(E.GIVEN, 0, expires_at=one), fact(E.RENEWED, 0, expires_at=two)]
        assert fold([fact(E.GIVEN, -1), *history]).expires_at == short


def test_s03_a_revoked_opt_out_counts_for_nothing_beside_a_stop_of_the_same_instant():
    """In the other order the stop would still stand, and hearsay could not undo it."""
    history = [
        fact(E.OPTED_OUT, 0),
        fact(E.OPT_OUT_REVOKED, 1),
        fact(E.WITHDRAWN, 1, hearsay=True),
        fact(E.GIVEN, 2, hearsay=True),
    ]
    assert fold(history).code == CONFLICT


def test_s03_a_refusal_is_stricter_than_an_opt_out_of_the_same_instant():
    """An opt-out could be revoked."""
    history = [fact(E.REFUSED, 0), fact(E.OPTED_OUT, 0), fact(E.OPT_OUT_REVOKED, 1)]
    assert fold(history).code == "refused"


def test_s03_grants_of_one_instant_share_their_ends():
    """One that runs out and one whose notice changes: neither hides the end of the other."""
    history = [
        fact(E.GIVEN, 1, suspends_at=START + 2 * HOUR),
        fact(E.RENEWED, 1, expires_at=START + 3 * HOUR),
        fact(E.RENEWED, 3),
    ]
    assert fold(history).code == "expired"


def random_fact(chance: random.Random) -> Fact:
    """A fact on one of three days: many fall on one instant."""
    event, at = chance.choice(list(ConsentEvent)), START + timedelta(days=chance.randrange(3))
    ends = [START + timedelta(days=chance.randrange(5)) for _ in range(2)]
    grants = event in GRANTING
    return Fact(
        record_id="1",
        record_hash=b"",
        event=event,
        event_time=at,
        expires_at=ends[0] if grants and chance.random() < 0.5 else None,
        suspends_at=ends[1] if grants and chance.random() < 0.4 else None,
        hearsay=chance.random() < 0.4,
        evidenced=chance.random() < 0.4,
        minor_unguarded=grants and chance.random() < 0.3,
    )


def test_s02_of_one_instant_the_hashes_that_chance_gives_decide_nothing():
    """Hashes make the order total, and mean nothing: the same acts may have any of them."""
    chance = random.Random(2)
    for _ in range(3000):
        facts = [random_fact(chance) for _ in range(chance.randint(2, 4))]
        states = set()
        for digests in permutations(range(len(facts))):
            named = zip(facts, digests, strict=True)
            state = fold([replace(fact, record_hash=bytes([digest])) for fact, digest in named])
            states.add(replace(state, record_id=None))
        assert len(states) == 1, facts
