"""Storing: an act once, whoever stores it at the same moment; nulls, contexts and orders kept."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import polars as pl
import pytest

from tenants.behaviour.landing import storing
from tenants.behaviour.landing.storing import store_events
from tenants.behaviour.models import DeletedAct, Event, Item
from tenants.isolation.binary_arrays import Uuids, array_cursor
from tenants.subjects.directory import resolve
from tests.connections import in_threads

AT = datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)


def rows(*acts: str, **columns) -> pl.DataFrame:
    """One row for each act, a digit: all of one person on one item, which there are."""
    item, _ = Item.objects.get_or_create(external_id="thing")
    told = {
        "row": range(1, len(acts) + 1),
        "subject": resolve(["u1"])["u1"],
        "item": item.pk,
        "type_code": 4,
        "occurred_at": AT,
        "value": None,
        "quantity": None,
        "context": None,
        "withheld": None,
        **columns,
    }
    schema = {
        "row": pl.Int64, "subject": pl.Int64, "item": pl.Int64, "type_code": pl.Int16,
        "occurred_at": pl.Datetime("us", "UTC"), "value": pl.Float64, "quantity": pl.Float64,
        "context": pl.String, "withheld": pl.String,
    }  # fmt: skip
    listed = {
        name: list(value) if isinstance(value, list | range) else [value] * len(acts)
        for name, value in told.items()
    }
    return pl.DataFrame(listed, schema=schema).with_columns(
        pl.Series("dedup", [digit * 32 for digit in acts], dtype=pl.String)
    )


def stored(*names: str) -> list[tuple]:
    return list(Event.objects.order_by("dedup").values_list(*names))


def test_what_is_stored_is_what_was_told(alice):
    upload = uuid4()
    with alice.scope:
        told = rows("a", "b", value=[0.1, None], quantity=[None, 3.0])
        assert store_events(told, upload) == []
        assert stored("occurred_at", "type", "value", "quantity", "upload_id") == [
            (AT, 4, 0.1, None, upload),
            (AT, 4, None, 3.0, upload),
        ]


def test_contexts_and_what_is_withheld_stay_with_their_rows(alice):
    with alice.scope:
        told = rows(
            "a", "b", "c", "d",
            context=['{"country": "FR"}', None, '{"country": "FR"}', None],
            withheld=[None, "{marketing,analytics}", "{marketing}", None],
        )  # fmt: skip
        store_events(told, None)
        assert stored("context", "withheld", "upload_id") == [
            ({"country": "FR"}, None, None),
            (None, ["marketing", "analytics"], None),
            ({"country": "FR"}, ["marketing"], None),
            (None, None, None),
        ]


def test_acts_are_looked_up_by_their_key_however_little_is_known_of_the_table(alice):
    """Nobody has counted the table since it grew, as in the middle of an upload."""
    with alice.scope:
        many = pl.concat([rows("a")] * 3_000).with_columns(
            pl.Series("dedup", [uuid4().hex for _ in range(3_000)])
        )
        store_events(many, None)
        with array_cursor() as cursor:
            acts = Uuids(storing.act_bytes(many["dedup"].head(500)))
            cursor.execute(f"explain {storing.STORED}", {"acts": acts})
            plan = "\n".join(line for (line,) in cursor)
    assert "event_once" in plan
    assert "event_time" not in plan


def test_an_act_that_is_here_or_was_deleted_is_told_by_its_row_and_not_stored(alice):
    with alice.scope:
        store_events(rows("a"), None)
        DeletedAct.objects.create(dedup="b" * 32)
        assert store_events(rows("c", "b", "a", "d"), None) == [2, 3]
        assert [act.hex[0] for (act,) in stored("dedup")] == ["a", "c", "d"]


def test_no_rows_ask_nothing(alice, django_assert_num_queries):
    with alice.scope:
        nothing = rows("a").clear()
        with django_assert_num_queries(0):
            assert store_events(nothing, None) == []


def test_another_tenants_same_act_is_its_own(alice, bob):
    for business in (alice, bob):
        with business.scope:
            assert store_events(rows("a"), None) == []


def test_an_act_that_others_store_between_the_look_and_the_insert_counts_once(alice, monkeypatch):
    look, looks = storing.acts_here, []

    def late(acts, question):
        looks.append(found := look(acts, question))
        if len(looks) == 1:
            monkeypatch.setattr(storing, "acts_here", look)
            assert store_events(rows("b"), None) == []
            monkeypatch.setattr(storing, "acts_here", late)
        return found

    with alice.scope:
        monkeypatch.setattr(storing, "acts_here", late)
        assert store_events(rows("a", "b", "c"), None) == [2]
        assert [act.hex[0] for (act,) in stored("dedup")] == ["a", "b", "c"]
    assert len(looks) == 2


@pytest.mark.parametrize("sampled", [True, False])
def test_of_a_large_batch_a_sample_is_looked_up_and_what_that_misses_counts_once(
    alice, monkeypatch, sampled
):
    monkeypatch.setattr(storing, "FEW", 3)
    monkeypatch.setattr(storing, "SAMPLE", 1)  # the first of the batch
    monkeypatch.setattr(storing, "_repeated", {})
    questions = []
    look = storing.acts_here

    def noted(acts, question):
        questions.append((question, acts.len()))
        return look(acts, question)

    with alice.scope:
        DeletedAct.objects.create(dedup=UUID("e" * 32))
        assert store_events(rows("a"), None) == []
        monkeypatch.setattr(storing, "acts_here", noted)
        told = rows(*("abcde" if sampled else "bcdea"))
        assert sorted(store_events(told, None)) == ([1, 5] if sampled else [4, 5])
        assert [act.hex[0] for (act,) in stored("dedup")] == ["a", "b", "c", "d"]
        assert questions[0] == (storing.STORED, 1)
        assert questions[-1] == (storing.HERE, 5)
        assert ((storing.GONE, 5) in questions) is not sampled
        store_events(rows(*"bcdea"), None)
    assert questions[-1] == (storing.HERE, 5)  # at once: the tenant has sent acts again lately


def test_two_at_once_store_each_act_once(committed):
    carol = committed("Carol")

    def store() -> int:
        with carol.scope:
            return len(store_events(rows(*"abcdef"), None))

    with carol.scope:
        rows("a")  # item and person are there
    again = in_threads([store, store])
    with carol.scope:
        assert Event.objects.count() == 6
    assert sorted(again) == [0, 6]
