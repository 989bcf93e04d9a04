"""Copies of one act add up what they withhold: no order of them gives another result."""

from datetime import UTC, datetime
from itertools import permutations

import polars as pl
import pytest
from behaviour_files import clean_batches, parquet_file

from recommend.context import context_in_scope
from tenants.behaviour.landing import narrowing
from tenants.behaviour.landing.event_landing import land_events
from tenants.behaviour.landing.quarantine import opened
from tenants.behaviour.landing.storing import store_events
from tenants.behaviour.models import DeletedAct, Event, QuarantinedRow
from tenants.behaviour.reading.tables import Limits
from tenants.ids import uuid7
from tenants.work.run import run_waiting
from tests.tenants.behaviour.streams import counts, ended, event, public_key, sent
from tests.tenants.behaviour.uploads import adds_up, outcomes, process
from tests.tenants.consent.acts import archive, grant
from training.jobs.validating import counted

PERSONAL = "personalised_recommendation"
NO_TRAINING = {"purposes": {"model_training": False}}
NO_ANSWER = {"purposes": {PERSONAL: False}}
FOR_NOTHING = {"purposes": {"marketing": True}}
ORDERS = list(permutations((None, NO_TRAINING, NO_ANSWER)))
BOTH = [(None, NO_TRAINING), (NO_TRAINING, None)]
NAMED = [None, "order-1"]
MARCH = datetime(2024, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def notice(alice, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    archive(alice)


@pytest.fixture
def agreed(alice):
    """u1 allows training and personal answers."""
    return consent(alice, PERSONAL, "model_training")


def consent(business, *purposes):
    for purpose in purposes:
        grant(business, purpose=purpose)
    run_waiting("default")
    return business


def used(business) -> tuple[int, int]:
    """How many events training reads, and an answer."""
    with business.scope:
        return counted()["events"], len(context_in_scope("u1").items)


def here(business) -> tuple[int, int, int]:
    with business.scope:
        return tuple(each.objects.count() for each in (Event, QuarantinedRow, DeletedAct))


@pytest.mark.parametrize("event_id", NAMED)
@pytest.mark.parametrize("order", BOTH)
def test_s05_a_narrower_copy_counts_whenever_it_comes(agreed, order, event_id):
    """GDPR 7: the second copy of a stored act is no reason to use it for more."""
    for told in order:
        sent(agreed, event(event_id=event_id, consent=told))
    assert used(agreed) == (0, 1)
    assert here(agreed) == (1, 0, 0)


@pytest.mark.parametrize("order", ORDERS)
def test_what_copies_withhold_adds_up_in_one_request_and_in_three(agreed, order):
    consent(agreed, "service")
    at_once = [event(event_id="1", consent=told) for told in order]
    answer = sent(agreed, *at_once)
    assert counts(answer) == {"received": 3, "accepted": 1, "duplicate": 2}
    for told in order:
        sent(agreed, event(event_id="2", consent=told))
    with agreed.scope:
        rows = list(Event.objects.values_list("withheld", flat=True))
    assert rows == [["model_training", PERSONAL]] * 2
    assert used(agreed) == (0, 0)


@pytest.mark.parametrize("order", [("", "model_training"), ("model_training", "")])
def test_what_copies_withhold_adds_up_in_a_file(agreed, order):
    lines = [f"u1,i1,view,2026-03-01T00:00:00Z,{told}" for told in (*order, "", "model_training")]
    head = "user_id,item_id,type,occurred_at,withheld"
    done = process(agreed, "\n".join((head, *lines, "")).encode())
    assert adds_up(done) and sum(count for count, _ in outcomes(done).values()) == 3
    assert used(agreed) == (0, 1)


@pytest.mark.parametrize("consenting", [True, False])
@pytest.mark.parametrize("order", [("", "model_training"), ("model_training", "")])
def test_copies_in_two_batches_of_a_file_are_one_act(alice, order, consenting):
    if consenting:
        consent(alice, PERSONAL, "model_training")
    same = {"user_id": "u1", "item_id": "i1", "type": "view", "occurred_at": MARCH}
    data = parquet_file({"withheld": list(order), **same})
    upload = uuid7()
    with alice.scope:
        first, second = (
            land_events(cleaned.rows, upload, trusted=True)
            for cleaned in clean_batches(data, limits=Limits(batch_rows=1))
        )
    assert list(second.withheld) == [("duplicate", "already_stored")]
    assert bool(first.withheld) != consenting
    consent(alice, PERSONAL, "model_training")
    assert used(alice) == (0, 1)


@pytest.mark.parametrize("event_id", NAMED)
@pytest.mark.parametrize("order", BOTH)
def test_copies_that_wait_are_freed_as_the_narrowest(alice, order, event_id):
    for told in order:
        sent(alice, event(event_id=event_id, consent=told))
    assert here(alice) == (0, 1, 0)
    consent(alice, PERSONAL, "model_training")
    assert here(alice) == (1, 0, 0) and used(alice) == (0, 1)


@pytest.mark.parametrize("order", BOTH)
def test_a_stored_and_a_waiting_copy_are_one_act(alice, order):
    """The person allows training alone: the narrower copy waits, the other could be stored."""
    consent(alice, "model_training")
    for told in order:
        sent(alice, event(consent=told))
    assert used(alice) == (0, 0)
    consent(alice, PERSONAL)
    assert used(alice) == (0, 1)


def test_a_waiting_copy_narrows_what_was_stored_meanwhile(alice):
    sent(alice, event(consent=NO_TRAINING))
    store_unseeing(alice)
    consent(alice, PERSONAL, "model_training")
    assert here(alice) == (1, 0, 0) and used(alice) == (0, 1)


def store_unseeing(business) -> None:
    """As somebody who stores a copy that says nothing, and does not see the other wait."""
    with business.scope:
        waiting = opened(list(QuarantinedRow.objects.all()))
        store_events(waiting.with_columns(withheld=pl.lit(None, pl.String)), None)


def test_copies_of_one_moment_find_each_other_a_minute_later(alice):
    sent(alice, event(consent=NO_TRAINING))
    store_unseeing(alice)
    narrowing.keep_up(alice.tenant.id)
    with alice.scope:
        assert Event.objects.get().withheld == ["model_training"]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("order", [(None, FOR_NOTHING), (FOR_NOTHING, None)])
def test_a_copy_that_is_for_nothing_ends_every_use(agreed, order, at_once):
    copies = [event(event_id="1", consent=told) for told in order]
    for part in [copies] if at_once else [[one] for one in copies]:
        sent(agreed, *part)
    assert used(agreed) == (0, 0)
    again = sent(agreed, event(event_id="1"))
    assert ended(again) == [(0, "duplicate", "already_stored")]
    assert used(agreed) == (0, 0)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_copy_that_names_what_is_none_of_its_person_leaves_nothing(agreed, order):
    wrong = {**NO_TRAINING, "record_id": "cns_0000000000000000000000"}
    copies = [event(event_id="1"), event(event_id="1", consent=wrong)]
    answer = sent(agreed, *(copies[number] for number in order))
    assert [(outcome, code) for _, outcome, code in ended(answer)] == [
        ("rejected", "record_unknown")
    ]
    assert used(agreed) == (1, 1)


@pytest.mark.parametrize("order", BOTH)
def test_a_public_key_narrows_as_well(agreed, order):
    key = public_key(agreed)
    for told in order:
        sent(agreed, event(event_id="1", consent=told), key=key)
    assert used(agreed) == (0, 1)


def test_a_public_key_cannot_fill_the_database_with_what_is_for_nothing(alice, monkeypatch):
    monkeypatch.setattr(narrowing, "most", lambda: 2)
    events = [event(event_id=str(number), consent=FOR_NOTHING) for number in range(3)]
    sent(alice, *events, key=public_key(alice))
    assert here(alice) == (0, 0, 0)
    sent(alice, *events[:2], key=public_key(alice))
    assert here(alice) == (0, 0, 2)
