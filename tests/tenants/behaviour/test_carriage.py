"""What an event says of consent itself narrows what is recorded and never widens it."""

import pytest

from recommend.context import context_in_scope
from tenants.behaviour.models import Event, QuarantinedRow
from tenants.behaviour.usable import usable
from tenants.consent.models import ConsentRecord
from tenants.consent.vocabulary import Purpose, Use
from tenants.subjects.directory import find
from tenants.work.run import run_waiting
from tests.tenants.behaviour.streams import counts, ended, event, post, public_key, sent
from tests.tenants.consent.acts import archive, grant
from tests.tenants.consent.acts import post as tell
from training.jobs.validating import counted

AT = "2026-02-01T00:00:00Z"
NARROW = {"model_training": False}


@pytest.fixture
def agreed(alice) -> str:
    """u1 allows training and personal answers; the id of the record on training."""
    archive(alice)
    grant(alice, purpose="personalised_recommendation", event_time=AT)
    return str(grant(alice, event_time=AT)["id"])


def used(business) -> dict[str, int]:
    """How many events each use reads."""
    with business.scope:
        answer = context_in_scope("u1")
        return {"training": counted()["events"], "answer": len(answer.items)}


def test_s05_an_events_flag_narrows(alice, agreed):
    """GDPR 7: what the event says no to is not done with it, and nothing else changes."""
    sent(alice, event(event_id="1"), event(event_id="2", consent={"purposes": NARROW}))
    assert used(alice) == {"training": 1, "answer": 2}
    with alice.scope:
        assert usable(Use.TRAINING).count() == 1
        told = list(Event.objects.values_list("withheld", flat=True))
        assert sorted(told, key=bool) == [None, ["model_training"]]
    sent(alice, event(event_id="3", consent={"purposes": {"personalised_recommendation": True}}))
    assert used(alice) == {"training": 1, "answer": 3}


@pytest.mark.parametrize("purpose", [each.value for each in Purpose])
def test_s05_an_events_flag_never_widens(alice, purpose):
    """Whatever it claims, nothing is stored of a person who consented to nothing."""
    answer = sent(alice, event(consent={"purposes": {purpose: True}}))
    if purpose in ("service", "analytics", "personalised_recommendation", "model_training"):
        assert ended(answer) == [(0, "quarantined", "no_record")]
    else:
        assert ended(answer) == [(0, "rejected", "event_withholds")]
    assert used(alice) == {"training": 0, "answer": 0}
    with alice.scope:
        assert not Event.objects.exists() and not ConsentRecord.objects.exists()


def test_s05_a_withdrawal_beats_every_flag(alice, agreed):
    sent(alice, event(consent={"purposes": {"model_training": True}}))
    assert used(alice) == {"training": 1, "answer": 0}
    tell(alice, user_id="u1", purpose="model_training", event="withdrawn")
    assert used(alice) == {"training": 0, "answer": 0}


def test_a_record_that_an_event_names_must_be_one_of_its_person(alice, bob, agreed):
    archive(bob)
    foreign = grant(bob)["id"]
    other = grant(alice, user="u2")["id"]
    for name in (other, foreign, "cns_0000000000000000000000", "nothing"):
        answer = sent(alice, event(event_id=name, consent={"record_id": name}))
        assert ended(answer) == [(0, "rejected", "record_unknown")]
    assert counts(sent(alice, event(consent={"record_id": agreed}))) == {
        "received": 1,
        "accepted": 1,
    }
    assert used(alice) == {"training": 1, "answer": 1}


def test_a_record_that_nobody_knows_is_none_of_a_person_whom_nobody_knows(alice):
    answer = sent(alice, event(user_id="new", consent={"record_id": "cns_0000000000000000000000"}))
    assert ended(answer) == [(0, "rejected", "record_unknown")]
    with alice.scope:
        assert not QuarantinedRow.objects.exists() and find("new") is None


def test_purposes_with_a_time_must_lead_to_the_records_of_that_time(alice, agreed):
    both = {"model_training": True, "personalised_recommendation": True}
    answer = sent(
        alice,
        event(event_id="1", consent={"purposes": both, "time": AT}),
        event(event_id="2", consent={"purposes": both, "time": "2026-02-02T00:00:00Z"}),
        event(event_id="3", consent={"purposes": {**both, "service": True}, "time": AT}),
    )
    assert ended(answer) == [(1, "rejected", "record_unknown")]
    with alice.scope:
        kept = {tuple(sorted(row)) for row in Event.objects.values_list("withheld", flat=True)}
    assert all("service" in row and "model_training" not in row for row in kept)
    assert used(alice) == {"training": 2, "answer": 2}


def test_an_event_that_allows_nothing_that_its_person_allows_waits_for_that(alice, agreed):
    """It is freed by a consent to what it allows, and by no other."""
    answer = sent(alice, event(consent={"purposes": {"service": True}}))
    assert ended(answer) == [(0, "quarantined", "purpose_missing")]
    run_waiting("default")
    with alice.scope:
        assert QuarantinedRow.objects.count() == 1
    grant(alice, purpose="service")
    run_waiting("default")
    with alice.scope:
        assert not QuarantinedRow.objects.exists()
        assert "model_training" in Event.objects.get().withheld
    assert used(alice) == {"training": 0, "answer": 0}


def test_a_file_carries_the_same_in_columns(alice, agreed, settings, tmp_path):
    from tests.tenants.behaviour.uploads import outcomes, process

    settings.UPLOAD_ROOT = tmp_path
    rows = (
        "user_id,item_id,type,occurred_at,consent_record_id,purposes,consent_time,withheld\n"
        f"u1,i1,view,2026-03-01T00:00:00Z,{agreed},,,\n"
        "u1,i1,view,2026-03-02T00:00:00Z,,personalised_recommendation,2026-02-01T00:00:00Z,\n"
        "u1,i1,view,2026-03-03T00:00:00Z,,,,Model_Training | marketing\n"
        "u1,i1,view,2026-03-04T00:00:00Z,cns_x,,,\n"
        "u1,i1,view,2026-03-05T00:00:00Z,,everything,,\n"
        "u1,i1,view,2026-03-06T00:00:00Z,,service,yesterday,\n"
    )
    done = process(alice, rows.encode())
    found = outcomes(done)
    assert {key: count for key, (count, _) in found.items() if key[0] == "rejected"} == {
        ("rejected", "record_unknown"): 1,
        ("rejected", "unknown_purpose"): 1,
        ("rejected", "bad_time"): 1,
    }
    assert used(alice) == {"training": 1, "answer": 3}


def test_a_public_key_learns_nothing_of_records(alice, agreed):
    key = public_key(alice)
    for name in (agreed, "cns_0000000000000000000000"):
        answer = sent(alice, event(event_id=name, consent={"record_id": name}), key=key)
        assert counts(answer) == {"received": 1, "accepted": 1}


def test_a_purpose_that_nobody_knows_is_refused_and_not_repeated(alice):
    reply = post(alice, event(consent={"purposes": {"wellbeing": True}}))
    assert reply.status_code == 400
    assert "wellbeing" not in reply.content.decode()
