"""The tables of event types and columns."""

import pytest

from tenants.behaviour.columns.schema import EVENT_TYPES, FIRST_OWN, KINDS, plain_name
from tenants.behaviour.types.type_table import DEFAULTS


def test_stored_event_codes_never_change():
    assert {kind.name: kind.code for kind in EVENT_TYPES} == {
        "view": 1,
        "click": 2,
        "add_to_cart": 3,
        "purchase": 4,
        "rating": 5,
        "like": 6,
        "share": 7,
        "comment": 8,
        "dislike": 9,
        "dismiss": 10,
        "search": 11,
    }
    assert all(kind.code < FIRST_OWN and not kind.own for kind in EVENT_TYPES)


def test_a_spelling_means_one_event_type():
    spellings = [
        plain_name(spelling) for kind in EVENT_TYPES for spelling in (kind.name, *kind.aliases)
    ]
    assert len(set(spellings)) == len(spellings) == len(DEFAULTS.codes)


def test_only_negative_types_weigh_below_zero():
    assert [kind.name for kind in EVENT_TYPES if kind.weight < 0] == ["dislike", "dismiss"]
    assert all(kind.positive == (kind.weight > 0) for kind in EVENT_TYPES)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_heading_means_one_column(kind):
    names = [name for one in kind.columns for name in (plain_name(one.name), *one.aliases)]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_aliases_are_written_as_headings_are_compared(kind):
    aliases = [alias for column in kind.columns for alias in column.aliases]
    assert aliases == [plain_name(alias) for alias in aliases]


def test_required_columns():
    assert {
        name: [column.name for column in kind.columns if column.required]
        for name, kind in KINDS.items()
    } == {
        "events": ["user_id", "item_id", "occurred_at"],
        "items": ["item_id"],
        "consents": ["user_id", "purpose", "event", "event_time"],
    }


def test_headings_are_compared_without_case_blanks_and_punctuation():
    assert plain_name(" Customer_ID ") == plain_name("customerId") == "customerid"
    assert plain_name("商品 编号") == "商品编号"
