"""The tenant's own table use -> purposes: it asks for more, from the next question on."""

import pytest
from django.utils.timezone import now

from recommend.context import context_in_scope
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event
from tenants.behaviour.streaming.streaming import accept_events
from tenants.behaviour.usable import usable
from tenants.consent.models import UseTable
from tenants.consent.policy import USUAL, policy_version, purposes_of, set_uses, uses
from tenants.consent.queries import consenting, coverage, storable
from tenants.consent.services import record_consent
from tenants.consent.vocabulary import ConsentEvent, Purpose, Use
from tenants.errors import AppError
from tenants.subjects.directory import known
from tests.tenants.consent.acts import act, archive
from training.jobs.validating import counted

E = ConsentEvent
TRAINING = Purpose.MODEL_TRAINING


@pytest.fixture
def people(alice):
    """u1 allows training, u2 also what is sensitive, u3 also what crosses a border."""
    archive(alice, purposes=list(Purpose))
    allowed = {
        "u1": [TRAINING, Purpose.PERSONALISED_RECOMMENDATION],
        "u2": [TRAINING, Purpose.PERSONALISED_RECOMMENDATION, Purpose.SENSITIVE],
        "u3": [*list(Purpose)],
    }
    with alice.scope:
        for user, purposes in allowed.items():
            for purpose in purposes:
                record_consent(act=act(user, E.GIVEN, purpose=purpose), actor=alice.actor)
        events = [{"user_id": user, "item_id": "i1", "type": "view"} for user in allowed]
        accept_events(events=events, actor=alice.actor, trusted=True)
        return known(allowed)


def ask(alice, **rows) -> UseTable:
    with alice.scope:
        return set_uses(table={**USUAL, **{Use[k]: v for k, v in rows.items()}}, actor=alice.actor)


def used(alice, use: Use) -> set[int]:
    with alice.scope:
        return set(usable(use).values_list("subject_id", flat=True))


def test_s11_sensitive_or_cross_border_use_needs_its_own_record(alice, people):
    """PIPL 29, 39: once training is sensitive, a consent to training alone is not enough."""
    assert used(alice, Use.TRAINING) == set(people.values())
    ask(alice, TRAINING=[Purpose.SENSITIVE, TRAINING])
    assert used(alice, Use.TRAINING) == {people["u2"], people["u3"]}
    with alice.scope:
        assert purposes_of(Use.TRAINING) == (TRAINING, Purpose.SENSITIVE)
        assert counted()["subjects"] == 2
        assert set(consenting(Use.TRAINING).values_list("purpose", flat=True)) == {TRAINING}
    ask(alice, TRAINING=[TRAINING, Purpose.SENSITIVE, Purpose.CROSS_BORDER])
    assert used(alice, Use.TRAINING) == {people["u3"]}
    with alice.scope:
        assert counted()["subjects"] == 1
        stop = act("u3", E.WITHDRAWN, 5, purpose=Purpose.CROSS_BORDER)
        record_consent(act=stop, actor=alice.actor)
        assert counted()["subjects"] == 0


def test_s11_an_answer_asks_the_tenants_table_too(alice, people):
    """In the one statement that reads the person; the code names what is missing."""
    with alice.scope:
        assert context_in_scope("u1").code == ""
    ask(
        alice,
        PERSONALISED_ANSWER=[Purpose.PERSONALISED_RECOMMENDATION, Purpose.SENSITIVE],
        POPULARITY=[Purpose.MARKETING],
    )
    with alice.scope:
        first, second = context_in_scope("u1"), context_in_scope("u2")
        assert (first.code, first.items) == ("no_record", [])
        assert second.code == "" and len(second.items) == 1
        assert second.purpose == Purpose.PERSONALISED_RECOMMENDATION
        assert second.common_purpose == Purpose.MARKETING
    assert used(alice, Use.POPULARITY) == {people["u3"]}


def test_a_use_never_loses_its_own_purpose_and_is_never_without_one(alice):
    for use, row in (
        (Use.TRAINING, [Purpose.SERVICE]),
        (Use.TRAINING, []),
        (Use.PERSONALISED_ANSWER, [Purpose.ANALYTICS]),
        (Use.CHARTS, []),
    ):
        with alice.scope, pytest.raises(AppError) as refused:
            set_uses(table={**USUAL, use: row}, actor=alice.actor)
        assert (refused.value.code, refused.value.param) == ("bad_uses", use.value)
    with alice.scope:
        assert not UseTable.objects.exists() and uses() == USUAL


def test_each_version_is_kept_and_snapshots_name_the_one_in_force(alice, bob):
    with alice.scope:
        usual = policy_version()
    made = ask(alice, CHARTS=[Purpose.SERVICE])
    again = ask(alice)
    with alice.scope:
        assert [made.number, again.number] == [1, 2]
        assert UseTable.objects.count() == 2
        assert made.policy_version != usual == again.policy_version == policy_version()
        entries = AuditEntry.objects.filter(action="consent.uses_set").order_by("seq")
        assert [entry.policy_version for entry in entries] == [made.policy_version, usual]
        assert entries[0].detail.get().details["uses"]["charts"] == ["service"]
    with bob.scope:
        assert uses() == USUAL


def test_what_lets_an_event_be_stored_follows_the_table(alice, people):
    with alice.scope:
        stop = [act("u3", E.WITHDRAWN, 5, purpose=each) for each in Purpose]
        for one in stop[:1] + stop[1:7]:
            record_consent(act=one, actor=alice.actor)
        assert storable([people["u3"]]) == set()  # what is left, sensitive, is used for nothing
    ask(alice, TRAINING=[TRAINING, Purpose.SENSITIVE])
    with alice.scope:
        assert storable([people["u3"]]) == {people["u3"]}
        assert Purpose.SENSITIVE in {each.purpose for each in coverage()}


def test_a_notice_that_counts_later_events_alone_holds_for_every_use(alice):
    """Also for answers, popularity and charts, not for snapshots alone."""
    archive(
        alice, notice_id="later", body=b"From now on.", purposes=list(Purpose),
        later_events_only=True,
    )  # fmt: skip
    with alice.scope:
        told = act("u1", E.GIVEN, purpose=Purpose.SERVICE, notice_id="later")
        record_consent(act=told, actor=alice.actor)
        old = {"user_id": "u1", "item_id": "i1", "type": "view", "occurred_at": now()}
        accept_events(events=[old], actor=alice.actor, trusted=True)
        for purpose in (Purpose.ANALYTICS, Purpose.PERSONALISED_RECOMMENDATION):
            given = act("u1", E.GIVEN, purpose=purpose, notice_id="later", event_time=now())
            record_consent(act=given, actor=alice.actor)
        assert Event.objects.count() == 1
        assert not usable(Use.POPULARITY).exists() and not usable(Use.CHARTS).exists()
        context = context_in_scope("u1")
        assert (context.code, context.items) == ("", [])
        accept_events(
            events=[{**old, "item_id": "i2", "occurred_at": now()}], actor=alice.actor, trusted=True
        )
        assert usable(Use.POPULARITY).count() == 1
        assert len(context_in_scope("u1").items) == 1


def test_a_notice_on_a_further_purpose_counts_later_events_alone_too(alice):
    """Whichever purpose of a use has such a notice: what answers and snapshots ask, charts do."""
    archive(alice, purposes=list(Purpose))
    archive(
        alice, notice_id="later", body=b"From now on.", purposes=list(Purpose),
        later_events_only=True,
    )  # fmt: skip
    ask(alice, CHARTS=[Purpose.SERVICE, Purpose.ANALYTICS])
    with alice.scope:
        told = act("u1", E.GIVEN, purpose=Purpose.SERVICE)
        record_consent(act=told, actor=alice.actor)
        old = {"user_id": "u1", "item_id": "i1", "type": "view", "occurred_at": now()}
        accept_events(events=[old], actor=alice.actor, trusted=True)
        late = act(
            "u1", E.GIVEN, purpose=Purpose.ANALYTICS, notice_id="later", event_time=now()
        )  # fmt: skip
        record_consent(act=late, actor=alice.actor)
        assert consenting(Use.CHARTS).exists() and not usable(Use.CHARTS).exists()
        fresh = {**old, "item_id": "i2", "occurred_at": now()}
        accept_events(events=[fresh], actor=alice.actor, trusted=True)
        assert usable(Use.CHARTS).count() == 1
