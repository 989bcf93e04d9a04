"""Which column is which."""

import pytest

from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.refusals import UploadRefused

SALES = UploadOptions(default_type="purchase")
RETAIL = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
    "Country",
)  # fmt: skip


def refusal(kind, columns, **settings):
    """The refusal of a plan."""
    with pytest.raises(UploadRefused) as caught:
        make_plan(kind, columns, **settings)
    return caught.value


def test_a_shop_export_is_mapped_by_its_headings():
    plan = make_plan("events", RETAIL, options=SALES)
    assert plan.mapping == {
        "user_id": "CustomerID",
        "item_id": "StockCode",
        "occurred_at": "InvoiceDate",
        "quantity": "Quantity",
        "price": "UnitPrice",
        "order_id": "InvoiceNo",
        "item_title": "Description",
    }
    assert plan.unread == ("Country",)


def test_ratings_are_mapped_by_their_headings():
    plan = make_plan(
        "events",
        ["userId", "movieId", "rating", "timestamp"],
        options=UploadOptions(default_type="rating"),
    )
    assert plan.mapping == {
        "user_id": "userId",
        "item_id": "movieId",
        "value": "rating",
        "occurred_at": "timestamp",
    }


def test_the_callers_mapping_wins_and_the_rest_is_proposed():
    plan = make_plan(
        "events", ["user_id", "buyer", "item_id", "time", "type"], mapping={"user_id": "buyer"}
    )
    assert plan.mapping == {
        "user_id": "buyer",
        "item_id": "item_id",
        "type": "type",
        "occurred_at": "time",
    }
    assert plan.unread == ("user_id",)


def test_an_empty_name_leaves_a_column_unread():
    columns = ["user_id", "item_id", "time", "type", "price"]
    plan = make_plan("events", columns, mapping={"price": ""})
    assert "price" not in plan.mapping
    assert plan.unread == ("price",)


def test_our_own_name_beats_an_alias():
    plan = make_plan("items", ["sku", "item_id", "name", "title"])
    assert (plan.mapping["item_id"], plan.mapping["title"]) == ("item_id", "title")


def test_one_column_may_serve_two_fields_only_when_the_caller_says_so():
    plan = make_plan(
        "events",
        ["user", "item", "time", "type"],
        mapping={"item_title": "item", "item_id": "item"},
    )
    assert (plan.mapping["item_id"], plan.mapping["item_title"]) == ("item", "item")
    assert plan.columns.count("item") == 1


def test_a_saved_mapping_gives_the_same_plan_again():
    plan = make_plan("events", RETAIL, options=SALES)
    assert make_plan("events", RETAIL, mapping=plan.mapping, options=SALES).mapping == plan.mapping


def test_a_first_line_read_as_one_heading_is_told_as_a_wrong_delimiter():
    refused = refusal("events", ["user_id,item_id,type,occurred_at"])
    assert (refused.code, refused.param) == ("one_column", "mapping")
    assert "Name that delimiter, or none at all" in refused.message
    assert refusal("events", ["user_id"]).code == "missing_columns"


def test_missing_columns_are_named_beside_those_found():
    refused = refusal("events", ["user_id", "colour"])
    assert (refused.code, refused.param) == ("missing_columns", "mapping")
    assert refused.params == {"missing": "item_id, occurred_at, type", "found": "user_id, colour"}
    assert str(refused) == (
        "No column was found for: item_id, occurred_at, type. The file has: user_id, colour. "
        "Say which column is which."
    )


def test_a_default_type_stands_in_for_a_type_column():
    columns = ["user_id", "item_id", "time"]
    assert refusal("events", columns).params["missing"] == "type"
    assert make_plan("events", columns, options=SALES).mapping["occurred_at"] == "time"


@pytest.mark.parametrize(
    ("mapping", "code"),
    [({"colour": "a"}, "unknown_field"), ({"user_id": "nobody"}, "column_not_found")],
)
def test_a_mapping_to_nothing_is_refused(mapping, code):
    assert refusal("events", ["user_id", "item_id", "time", "type"], mapping=mapping).code == code


def test_an_unknown_kind_is_refused():
    assert refusal("people", ["a"]).params == {"kind": "people", "kinds": "events, items, consents"}


def test_what_looks_like_a_value_is_not_repeated():
    refused = refusal("events", ["ann@shop.test", "13085", "colour"])
    assert refused.params["found"] == "(1), (2), colour"
