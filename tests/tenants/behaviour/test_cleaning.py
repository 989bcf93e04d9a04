"""Cleaning events: every row ends in exactly one outcome, and the right one."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from behaviour_files import (
    NOW,
    clean,
    clean_batches,
    event_file,
    event_line,
    outcomes,
    parquet_file,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.cleaning.event_cleaning import CARRIED, EARLIEST, EVENT_COLUMNS, EVENT_STEPS
from tenants.behaviour.cleaning.pseudo_items import PseudoItem
from tenants.behaviour.reading.tables import Limits

LONG = "x" * 201


def test_a_clean_row_keeps_everything_typed():
    line = event_line(
        " 13085.0 ", "85048", "Add To Cart", "2024-05-01 10:30", "", "12", "6.95", "489434", "e-1",
        "GLASS BALL",
    )  # fmt: skip
    cleaned = clean(event_file(line), timezone="Europe/London")
    assert cleaned.rows.columns == list(EVENT_COLUMNS)
    assert cleaned.rows.row(0, named=True) == {
        "row": 1,
        "user_id": "13085",
        "item_id": "85048",
        "type_code": 3,
        "occurred_at": datetime(2024, 5, 1, 9, 30, tzinfo=UTC),
        "value": 6.95 * 12,
        "quantity": 12.0,
        "order_id": "489434",
        "event_id": "e-1",
        "item_title": "GLASS BALL",
        "item_category": None,
        "price": 6.95,
        "context": None,
        **dict.fromkeys(CARRIED),
    }


def test_an_accepted_batch_has_the_types_that_are_promised():
    schema = clean(event_file(event_line())).rows.schema
    assert dict(schema) == {
        "row": pl.Int64,
        "type_code": pl.Int16,
        **dict.fromkeys(("occurred_at", "consent_time"), pl.Datetime("us", "UTC")),
        **dict.fromkeys(("value", "quantity", "price"), pl.Float64),
        **dict.fromkeys(
            (
                "user_id",
                "item_id",
                "order_id",
                "event_id",
                "item_title",
                "item_category",
                "context",
                "consent_record_id",
                "purposes",
                "withheld",
            ),
            pl.String,
        ),
    }


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({}, "accepted"),
        ({"user": ""}, "missing_user"),
        ({"user": "null"}, "missing_user"),
        ({"item": ""}, "missing_item"),
        ({"time": ""}, "missing_time"),
        ({"time": "2024-02-30"}, "bad_time"),
        ({"time": "0"}, "bad_time"),
        ({"time": "1989-12-31T23:59:59Z"}, "bad_time"),
        ({"time": "1990-01-01T00:00:00Z"}, "accepted"),
        ({"time": "2024-06-01T12:05:00Z"}, "accepted"),
        ({"time": "2024-06-01T12:05:01Z"}, "future_time"),
        ({"user": LONG}, "id_too_long"),
        ({"user": LONG[1:]}, "accepted"),
        ({"event": LONG}, "id_too_long"),
        ({"title": LONG * 5}, "text_too_long"),
        ({"user": "a\x00b"}, "control_character"),
        ({"item": "a\x07b"}, "control_character"),
        ({"title": "a\x00b"}, "control_character"),
        ({"title": "a\x07b"}, "accepted"),
        ({"type": ""}, "missing_type"),
        ({"type": "veiw"}, "unknown_type"),
        ({"type": "Page-View"}, "accepted"),
        ({"quantity": "two"}, "bad_quantity"),
        ({"quantity": "-1"}, "bad_quantity"),
        ({"quantity": "0"}, "accepted"),
        ({"quantity": "0", "type": "purchase"}, "bad_quantity"),
        ({"quantity": "0.5", "type": "purchase"}, "accepted"),
        ({"price": "cheap"}, "bad_price"),
        ({"price": "-0.01"}, "bad_price"),
        ({"price": "0", "type": "purchase"}, "accepted"),
        ({"value": "much"}, "bad_value"),
        ({"value": "-5", "type": "purchase"}, "bad_value"),
        ({"value": "-5", "type": "rating"}, "accepted"),
        ({"title": "POSTAGE"}, "pseudo_item"),
        ({"item": "post"}, "pseudo_item"),
    ],
    ids=str,
)
def test_the_outcome_of_one_row(change, outcome):
    assert outcomes(event_file(event_line(**change))) == [outcome]


@pytest.mark.parametrize(
    ("title", "outcome"),
    [
        ("POSTAGE", "pseudo_item"),
        ("DOTCOM POSTAGE", "pseudo_item"),
        (" Bank Charges", "pseudo_item"),
        ("Next Day Carriage", "pseudo_item"),
        ("AMAZON FEE", "pseudo_item"),
        ("CRUK Commission", "pseudo_item"),
        ("Adjustment by john on 26/01/2010 16", "pseudo_item"),
        ("Dotcomgiftshop Gift Voucher £20.00", "pseudo_item"),
        ("Dotcomgiftshop Gift Voucher Â£20.00", "pseudo_item"),
        ("This is a test product.", "pseudo_item"),
        ("Discount", "pseudo_item"),
        ("SAMPLES", "pseudo_item"),
        ("FRENCH CARRIAGE LANTERN", "accepted"),
        ("COFFEE", "accepted"),
        ("SAMPLE BOX OF TEA", "accepted"),
        ("GIFT VOUCHER HOLDER", "accepted"),
        ("VINTAGE POST OFFICE STAMPS", "accepted"),
        ("INSTRUCTION MANUAL STAND", "accepted"),
        ("PREGNANCY TEST KIT", "accepted"),
        ("", "accepted"),
    ],
)
def test_charges_are_no_items_but_items_named_like_them_are(title, outcome):
    assert outcomes(event_file(event_line(title=title))) == [outcome]


def test_a_tenants_own_patterns_replace_the_table():
    data = event_file(event_line(title="POSTAGE"), event_line(item="M"), event_line(item="MM"))
    own = (PseudoItem("manual", item_id="m"),)
    assert outcomes(data, pseudo_items=own) == ["accepted", "pseudo_item", "accepted"]
    assert outcomes(data, pseudo_items=()) == ["accepted"] * 3


def test_cancellations_are_known_by_the_tenants_prefix_only():
    data = event_file(event_line(order="C12", quantity="-3"), event_line(order="12C"))
    assert outcomes(data, cancellation_prefix="C") == ["cancellation", "accepted"]
    assert outcomes(data) == ["bad_quantity", "accepted"]


def test_the_default_type_fills_blanks_only():
    data = event_file(event_line(type=""), event_line(type="view"), event_line(type="odd"))
    cleaned = clean(data, default_type="purchase")
    assert cleaned.rows["type_code"].to_list() == [4, 1]
    assert cleaned.marks.rows() == [(3, "unknown_type")]


def test_value_is_as_given_or_for_a_trade_price_times_quantity():
    data = event_file(
        event_line(type="purchase", value="9", price="2", quantity="3"),
        event_line(type="purchase", price="2", quantity="3"),
        event_line(type="purchase", price="2"),
        event_line(type="view", price="2"),
        event_line(type="rating", value="4.5"),
    )
    assert clean(data).rows["value"].to_list() == [9.0, 6.0, 2.0, None, 4.5]


def test_weeks_are_added_before_the_future_is_judged():
    line = event_line(time="2024-05-01T10:00:00Z")
    assert clean(event_file(line), shift_weeks=4).rows["occurred_at"].to_list() == [
        datetime(2024, 5, 29, 10, tzinfo=UTC)
    ]
    assert outcomes(event_file(line), shift_weeks=5) == ["future_time"]


def test_the_first_of_equal_rows_counts():
    data = event_file(event_line(), event_line(user="u2"), event_line(), event_line())
    assert outcomes(data) == ["accepted", "accepted", "duplicate", "duplicate"]


@pytest.mark.parametrize(
    "change",
    [
        {"user": "u2"},
        {"item": "i2"},
        {"type": "click"},
        {"time": "2024-05-01T10:00:01Z"},
        {"value": "1"},
        {"quantity": "1"},
        {"order": "o"},
        {"event": "e"},
    ],
    ids=str,
)
def test_rows_that_differ_are_no_duplicates(change):
    assert outcomes(event_file(event_line(), event_line(**change))) == ["accepted", "accepted"]


def test_the_same_moment_in_another_zone_is_the_same_event():
    data = event_file(event_line(), event_line(time="2024-05-01T12:00:00+02:00"))
    assert outcomes(data) == ["accepted", "duplicate"]


def test_an_event_id_decides_alone():
    data = event_file(
        event_line(event="e1"), event_line(event="e1", user="u2"), event_line(event="e2")
    )
    assert outcomes(data) == ["accepted", "duplicate", "accepted"]


def test_a_rejected_row_is_no_reason_to_call_the_next_a_duplicate():
    data = event_file(event_line(price="odd"), event_line())
    assert outcomes(data) == ["bad_price", "accepted"]


def test_duplicates_are_found_across_batches():
    lines = [event_line(user=f"u{n % 40}") for n in range(200)]
    parts = list(clean_batches(event_file(*lines), limits=Limits(batch_bytes=1_000)))
    assert len(parts) > 3
    assert sum(part.rows.height for part in parts) == 40
    assert sum(part.counts().get("duplicate", 0) for part in parts) == 160
    assert [row for part in parts for row in part.rows["row"]] == list(range(1, 41))


def test_the_first_fault_in_the_chain_names_the_row():
    assert outcomes(event_file(event_line(user="", item="", time="soon", type=""))) == [
        "missing_user"
    ]


def test_rows_that_could_not_be_read_end_with_the_readers_code():
    data = event_file(event_line(), "u1,i1", event_line(title="JUNK"), *[event_line("u2")] * 200)
    found = outcomes(data.replace(b"JUNK", b"\x81\x8d"))
    assert found[:4] == ["accepted", "unparseable", "bad_encoding", "accepted"]


def test_parquet_columns_of_other_types_are_read():
    data = parquet_file(
        {
            "user_id": [13085.0, None, 7.0],
            "item_id": [1, 2, 3],
            "occurred_at": [datetime(2024, 5, 1), datetime(2024, 5, 1), None],
            "quantity": [2, 1, 1],
            "price": [1.5, float("nan"), 1.0],
        }
    )
    cleaned = clean(data, default_type="purchase")
    assert cleaned.marks.rows() == [(2, "missing_user"), (3, "missing_time")]
    assert cleaned.rows.select("user_id", "item_id", "value").row(0) == ("13085", "1", 3.0)


def test_a_consent_time_outside_of_every_calendar_is_a_bad_time():
    """In UTC the years -1199 and 10000, for which there is no date; nor was one given tomorrow."""
    moments = [NOW, EARLIEST, EARLIEST - timedelta(seconds=1), NOW + timedelta(days=1)]
    micros = [int(moment.timestamp()) * 1_000_000 for moment in moments]
    cleaned = clean(consented_at([*micros, 1 - 10**17]))
    assert cleaned.marks.rows() == [(3, "bad_time"), (4, "bad_time"), (5, "bad_time")]
    assert [row["consent_time"] for row in cleaned.rows.iter_rows(named=True)] == moments[:2]
    assert outcomes(consented_at(["9999-12-31T23:59:59-01:00"])) == ["bad_time"]


def consented_at(told):
    """One event for each of these times of a consent."""
    return parquet_file(
        {
            "user_id": [f"u{number}" for number, _ in enumerate(told)],
            "item_id": "i1",
            "type": "view",
            "occurred_at": NOW,
            "consent_time": told,
        }
    )


def test_first_rows_are_the_first_twenty():
    cleaned = clean(event_file(*(event_line(user="") for _ in range(30))))
    assert cleaned.counts() == {"missing_user": 30}
    assert cleaned.first_rows("missing_user") == tuple(range(1, 21))
    assert cleaned.first_rows("bad_time") == ()


def test_codes_of_the_chain_are_told_once():
    codes = [step.code for step in EVENT_STEPS]
    assert len(set(codes)) == len(codes)
    assert codes[-2:] == ["duplicate", "bot_like"]


DIRT = st.sampled_from(
    ["", "u1", "i1", "13085.0", "view", "purchase", "odd", "2024-05-01 10:00", "2024-02-30",
     "2031-01-01", "-1", "0", "1,5", "9e99", "C1", "POSTAGE", "a\x00", LONG, '"', "'", "\u2028",
     "null", "=1+1", "日本", "x" * 1_200]
)  # fmt: skip
ROWS = st.lists(st.lists(DIRT, min_size=1, max_size=12), min_size=1, max_size=40)


def dirty_file(rows):
    """A file of these rows behind one that is sound, so that there is always one."""
    return event_file(event_line(user="sound"), *(",".join(row) for row in rows))


@settings(max_examples=80, deadline=None)
@given(ROWS, st.sampled_from(["", "C"]), st.sampled_from([None, "purchase"]))
def test_every_row_has_exactly_one_outcome_whatever_the_dirt(rows, prefix, default):
    received = 0
    for cleaned in clean_batches(
        dirty_file(rows), cancellation_prefix=prefix, default_type=default
    ):
        ended = [*cleaned.rows["row"], *cleaned.marks["row"]]
        assert sorted(ended) == list(range(received + 1, received + cleaned.received + 1))
        assert sum(cleaned.counts().values()) == cleaned.marks.height
        received += cleaned.received
    assert 1 <= received <= len(rows) + 1


@settings(max_examples=40, deadline=None)
@given(ROWS)
def test_accepted_rows_are_fit_to_be_stored(rows):
    for cleaned in clean_batches(dirty_file(rows), default_type="view"):
        for row in cleaned.rows.iter_rows(named=True):
            assert row["user_id"] and row["item_id"] and row["type_code"]
            assert (
                datetime(1990, 1, 1, tzinfo=UTC)
                <= row["occurred_at"]
                <= datetime.max.replace(tzinfo=UTC)
            )
            texts = [value for value in row.values() if isinstance(value, str)]
            assert not any("\x00" in text for text in texts)
            assert all(len(row[name] or "") <= 200 for name in ("user_id", "item_id", "event_id"))
