"""Cleaning an uploaded catalogue."""

import pytest
from behaviour_files import NOW

from tenants.behaviour.cleaning.item_cleaning import clean_items
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.reading.opening import open_table

HEAD = "item_id;title;text;category;price;available;attributes"


def clean(*lines):
    """An items file, cleaned."""
    table = open_table("\n".join((HEAD, *lines, "")).encode(), delimiter=";")
    plan = make_plan("items", table.columns)
    (batch,) = table.batches(plan.columns)
    return clean_items(batch, plan, now=NOW)


def test_a_clean_item_keeps_everything_typed():
    cleaned = clean('7.0;Red dress;Long;Dresses;19.90;yes;"{""colour"": ""red""}"')
    assert cleaned.rows.row(0, named=True) == {
        "row": 1,
        "item_id": "7",
        "title": "Red dress",
        "text": "Long",
        "category": "Dresses",
        "price": 19.9,
        "available": True,
        "attributes": '{"colour": "red"}',
    }


def test_only_the_id_is_needed():
    assert clean("7;;;;;;").rows.row(0) == (1, "7", None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("7;a", "unparseable"),
        (";a;;;;;", "missing_item"),
        ("x\x00;a;;;;;", "control_character"),
        ("7;a\x00;;;;;", "control_character"),
        (f"{'x' * 201};a;;;;;", "id_too_long"),
        (f"7;{'x' * 1_001};;;;;", "text_too_long"),
        (f"7;a;{'x' * 20_001};;;;", "text_too_long"),
        ("7;a;;;-1;;", "bad_price"),
        ("7;a;;;1,5;;", "bad_price"),
        ("7;a;;;;perhaps;", "bad_flag"),
        ("7;a;;;;;red", "bad_attributes"),
        ("7;a;;;;;[1]", "bad_attributes"),
        ('7;a;;;;;"{""a"": NaN}"', "bad_attributes"),
        (r'7;a;;;;;"{""a"": ""\u0000""}"', "bad_attributes"),
        (r'7;a;;;;;"{""a"": ""\ud800""}"', "bad_attributes"),
        (f'7;a;;;;;"{{""a"": {"[" * 9_000}{"]" * 9_000}}}"', "bad_attributes"),
    ],
    ids=lambda value: value[:30],
)
def test_what_cannot_be_stored_is_rejected(line, code):
    cleaned = clean("1;fine;;;;;", line, "2;fine;;;;;")
    assert cleaned.marks.rows() == [(2, code)]
    assert cleaned.rows["item_id"].to_list() == ["1", "2"]


def test_the_first_row_of_an_item_counts():
    cleaned = clean("7;first;;;;;", "8;b;;;;;", "7;second;;;;;")
    assert cleaned.rows["title"].to_list() == ["first", "b"]
    assert cleaned.marks.rows() == [(3, "duplicate")]
