"""Children: an age stays known, and a guardian must be of age and stand by what they said."""

import random
from datetime import timedelta
from threading import Event
from time import sleep

import pytest
from django.utils.timezone import now

from tenants.consent.models import ConsentRecord, ConsentState, Notice
from tenants.consent.queries import in_force, state_at
from tenants.consent.services import record_consent
from tenants.consent.vocabulary import ConsentEvent, Purpose
from tenants.subjects.directory import resolve
from tests.connections import in_threads
from tests.tenants.consent.acts import BEGIN, act, archive
from tests.tenants.consent.test_repeats import NO, YES, hear
from tests.tenants.consent.test_signals import map_onto, states

E = ConsentEvent
DAY = timedelta(days=1)
CHILD = {"age_band": "under_13"}


@pytest.fixture
def alice(alice):
    """With a notice that asks for everything."""
    archive(alice, purposes=list(Purpose))
    return alice


def tell(business, *acts):
    with business.scope:
        return [
            record_consent(act=act(user, event, days, **more), actor=business.actor)
            for user, event, days, more in acts
        ][-1]


def code(business, user: str = "child", purpose: str = "model_training") -> str:
    with business.scope:
        state = ConsentState.objects.get(subject_id=resolve([user])[user], purpose=purpose)
        return state.code or state.state


@pytest.mark.parametrize("told", [(E.GIVEN, {}), (E.RENEWED, {}), (E.WITHDRAWN, CHILD)])
def test_s10_who_was_a_child_stays_one_until_another_age_is_told(alice, told):
    """PIPL 31; GDPR 8: a grant that says no age is no grown person's."""
    event, more = told
    tell(alice, ("child", E.GIVEN, 0, CHILD), ("child", event, 1, more), ("child", E.GIVEN, 2, {}))
    assert code(alice) == "minor_no_guardian"
    tell(alice, ("child", E.GIVEN, 2, {"purpose": Purpose.SERVICE}))
    assert code(alice, purpose="service") == "minor_no_guardian"
    tell(alice, ("child", E.GIVEN, 3, {"age_band": "adult"}))
    assert code(alice) == "given"
    tell(alice, ("child", E.GIVEN, 4, {"purpose": Purpose.SERVICE}))
    assert code(alice, purpose="service") == "given"


def test_s10_a_foreign_yes_makes_no_adult_of_a_child(alice):
    """Statement 6, too: what reads signals knows nobody's age."""
    with alice.scope:
        notice = Notice.objects.get()
    map_onto(alice, "google", ("ad_user_data", Purpose.MARKETING), notice=notice)
    tell(alice, ("u1", E.REQUESTED, 0, CHILD))
    first = now() - DAY
    assert len(hear(alice, YES, first)) == 1
    assert states(alice)["marketing"] == "minor_no_guardian"
    assert hear(alice, YES, first + DAY / 2) == ()
    assert len(hear(alice, NO, first + DAY / 2)) == 1


def test_s10_an_age_that_is_told_late_counts_from_when_it_was_told(alice):
    """Whatever the purpose was; what was given before it is not touched."""
    tell(alice, ("child", E.GIVEN, 2, {}), ("other", E.GIVEN, 0, {}))
    for user in ("child", "other"):
        tell(alice, (user, E.REFUSED, 1, {**CHILD, "purpose": Purpose.MARKETING}))
    assert code(alice) == "minor_no_guardian"
    assert code(alice, "other") == "given"


def test_s10_the_place_that_came_with_an_age_decides_with_it(alice):
    at_fourteen = {"age_band": "14_to_17"}
    tell(alice, ("child", E.REQUESTED, 0, {**at_fourteen, "jurisdiction": "CN"}))
    tell(alice, ("child", E.GIVEN, 1, {}))
    assert code(alice) == "given"
    tell(alice, ("child", E.GIVEN, 2, {"jurisdiction": "GB"}))
    assert code(alice) == "minor_no_guardian"


PARENTS = [
    ((E.GIVEN, 0, {}), (E.WITHDRAWN, 1, {})),
    ((E.GIVEN, 0, {}), (E.REFUSED, 1, {})),
    ((E.GIVEN, 0, {}), (E.INVALIDATED, 5, {})),
    ((E.GIVEN, 0, {"age_band": "14_to_17", "jurisdiction": "CN"}),),
    ((E.GIVEN, 0, {"age_band": "16_to_17"}),),
    ((E.GIVEN, 0, {}), (E.REQUESTED, 1, {"age_band": "16_to_17"})),
    ((E.GIVEN, 1, {}), (E.REQUESTED, 0, {"age_band": "16_to_17"})),
]


@pytest.mark.parametrize("said", PARENTS)
@pytest.mark.parametrize("late", [False, True])
def test_s10_no_guardian_is_who_took_it_back_or_is_young(alice, said, late):
    """Whether the child's record comes before or after what spoils the guardian's."""
    first, *others = (("parent", *one) for one in said)
    guard = tell(alice, first)
    child = ("child", E.GIVEN, 2, {**CHILD, "guardian_record_id": guard.id})
    tell(alice, *([child, *others] if late else [*others, child]))
    assert code(alice) == "minor_no_guardian"
    with alice.scope:
        person = resolve(["child"])["child"]
        assert state_at(person, Purpose.MODEL_TRAINING, now()).code == "minor_no_guardian"


def test_s10_a_childs_consent_ends_when_the_guardian_takes_it_back(alice, settings):
    """GDPR 7(3): and whoever acts upon a withdrawal is told of the child's, too."""
    settings.CONSENT_STOPS = [f"{__name__}.on_stops"]
    guard = tell(alice, ("parent", E.GIVEN, 0, {}))
    named = {**CHILD, "guardian_record_id": guard.id}
    tell(alice, ("child", E.GIVEN, 1, named), ("adult", E.GIVEN, 1, {}))
    assert code(alice) == "given"
    TOLD.clear()
    tell(alice, ("parent", E.WITHDRAWN, 3, {}))
    with alice.scope:
        people = resolve(["parent", "child"])
        expected = [(people["parent"], "withdrawn"), (people["child"], "withdrawn")]
        assert expected == TOLD
        allowed = ConsentState.objects.filter(in_force(), subject_id=people["child"])
        assert not allowed.exists()
        ends = [state_at(people["child"], Purpose.MODEL_TRAINING, BEGIN + n * DAY) for n in (2, 4)]
        assert [state.state for state in ends] == ["given", "expired"]
    tell(alice, ("parent", E.GIVEN, 4, {}))
    with alice.scope:
        assert not allowed.exists()


TOLD: list[tuple[int, str]] = []


def on_stops(records) -> None:
    TOLD.extend((one.subject_id, one.event) for one in records)


def test_s02_no_order_of_child_and_guardian_decides(alice):
    """Acceptance statement 2, with ages and guardians."""
    chance = random.Random(5)
    found = set()
    with alice.scope:
        guard = record_consent(act=act("parent", E.GIVEN, 0), actor=alice.actor)
        for turn in range(12):
            people = [f"child-{turn}", "parent"]
            ids = resolve(people)
            named = {"guardian_record_id": guard.id}
            acts = [
                act(people[0], E.GIVEN, 1, **CHILD, **named),
                act(people[0], E.WITHDRAWN, 2),
                act(people[0], E.GIVEN, 3, **named),
                act(people[0], E.GIVEN, 3, purpose=Purpose.SERVICE),
            ]
            chance.shuffle(acts)
            for one in acts:
                record_consent(act=one, actor=alice.actor)
            rows = ConsentState.objects.filter(subject_id=ids[people[0]]).order_by("purpose")
            found.add(tuple(rows.values_list("purpose", "state", "expires_at")))
    assert found == {(("model_training", "given", None), ("service", "minor_no_guardian", None))}


def test_an_erased_child_gets_no_state_from_a_guardian(alice):
    guard = tell(alice, ("parent", E.GIVEN, 0, {}))
    tell(alice, ("child", E.GIVEN, 1, {**CHILD, "guardian_record_id": guard.id}))
    with alice.scope:
        person = ConsentState.objects.exclude(subject_id=guard.subject_id).get().subject
        person.erased_at = now()
        person.save(update_fields=["erased_at"])
        ConsentState.objects.filter(subject=person).delete()
    tell(alice, ("parent", E.WITHDRAWN, 2, {}))
    with alice.scope:
        assert not ConsentState.objects.filter(subject=person).exists()


def test_a_childs_record_waits_for_what_its_guardian_is_saying(committed):
    """Each would else miss the other's record, and the child's consent would stand."""
    alice = committed("Alice")
    archive(alice)
    guard = tell(alice, ("parent", E.GIVEN, 0, {}))
    said = Event()

    def take_back() -> None:
        with alice.scope:
            record_consent(act=act("parent", E.WITHDRAWN, 1), actor=alice.actor)
            said.set()
            sleep(0.5)

    def give() -> None:
        said.wait(10)
        tell(alice, ("child", E.GIVEN, 2, {**CHILD, "guardian_record_id": guard.id}))

    in_threads([take_back, give])
    assert code(alice) == "minor_no_guardian"
    with alice.scope:
        assert ConsentRecord.objects.count() == 3
