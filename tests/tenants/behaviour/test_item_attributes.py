"""Columns of a catalogue that are not ours become attributes, unless a mapping leaves them out."""

import json

import polars as pl
import pytest
from behaviour_files import NOW, parquet_file

from tenants.behaviour.cleaning.item_cleaning import clean_items
from tenants.behaviour.columns.item_attributes import MOST_KEYS, VALUE_LENGTH
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.models import Item, Upload
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.refusals import UploadRefused
from tests.tenants.behaviour.uploads import process


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def attributes(data: bytes, mapping: dict[str, str] | None = None) -> list[object]:
    """The attributes of every item of a file."""
    table = open_table(data)
    plan = make_plan("items", table.columns, mapping=mapping)
    (batch,) = table.batches(plan.columns)
    texts = clean_items(batch, plan, now=NOW).rows["attributes"]
    return [None if text is None else json.loads(text) for text in texts]


def test_unread_columns_of_items_become_attributes_under_their_headings():
    data = b"sku,Title,Colour,Size\n1,Mug,blue,\n2,Lamp,,L\n3,Cup,,\n"
    assert attributes(data) == [{"Colour": "blue"}, {"Size": "L"}, None]
    assert make_plan("items", ["sku", "Colour"]).unread == ()


def test_a_mapping_renames_an_attribute_and_leaves_another_out():
    data = b"sku,Colour,Size\n1,blue,L\n"
    mapping = {"attributes.colour": "Colour", "attributes.Size": ""}
    assert attributes(data, mapping) == [{"colour": "blue"}]
    assert make_plan("items", ["sku", "Colour", "Size"], mapping=mapping).unread == ("Size",)


def test_the_files_own_attributes_win_over_a_column_of_the_same_name():
    data = b'sku,attributes,Colour\n1,"{""Colour"": ""red"", ""a"": 1}",blue\n2,broken,blue\n'
    assert attributes(data) == [{"Colour": "red", "a": 1}]


def test_what_the_file_types_stays_typed():
    columns = {
        "sku": ["1", "2"], "Weight": [1.5, float("nan")], "Pieces": [3, None], "New": [True, None],
    }  # fmt: skip
    assert attributes(parquet_file(pl.DataFrame(columns))) == [
        {"Weight": 1.5, "Pieces": 3, "New": True},
        None,
    ]


def test_a_text_too_long_for_an_attribute_costs_no_item():
    data = f"sku,Story,Colour\n1,{'x' * (VALUE_LENGTH + 1)},blue\n".encode()
    assert attributes(data) == [{"Colour": "blue"}]


def test_only_so_many_columns_are_kept_and_the_report_names_the_others():
    columns = ["sku", *(f"c{n:02d}" for n in range(MOST_KEYS + 2))]
    plan = make_plan("items", columns)
    assert plan.unread == (f"c{MOST_KEYS:02d}", f"c{MOST_KEYS + 1:02d}")


def test_headings_of_our_own_are_no_attributes():
    assert make_plan("items", ["sku", "attune_row"]).unread == ("attune_row",)


def test_columns_of_events_and_consents_are_no_attributes():
    events = ["user_id", "item_id", "type", "time", "Phone"]
    assert make_plan("events", events).unread == ("Phone",)
    with pytest.raises(UploadRefused) as caught:
        make_plan("events", events, mapping={"attributes.phone": "Phone"})
    assert caught.value.code == "unknown_field"


def test_attributes_are_stored_and_the_report_says_from_which_column(alice):
    upload = process(alice, b"sku,Title,Colour\n1,Mug,blue\n", Upload.ITEMS)
    assert upload.report["plan"]["mapping"]["attributes.Colour"] == "Colour"
    with alice.scope:
        assert Item.objects.get().attributes == {"Colour": "blue"}
