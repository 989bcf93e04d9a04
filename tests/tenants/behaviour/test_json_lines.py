"""JSON Lines: one object per line, its fields as columns; a broken line is one faulty row."""

import codecs
import json

import polars as pl
import pytest
from behaviour_files import outcomes, read, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused


def lines(*values: object) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def test_a_field_may_first_appear_in_the_last_line():
    data = lines({"a": "1"}, {"a": "2"}, {"b": "x"})
    table = open_table(data)
    assert (table.columns, table.details) == (
        ("a", "b"),
        {"format": "json lines", "encoding": "utf-8"},
    )
    assert read(data) == [(1, None, "1", None), (2, None, "2", None), (3, None, None, "x")]


def test_objects_in_objects_are_columns_with_dots_and_whole():
    data = lines({"user": {"id": 7, "geo": {"country": "GB"}}, "e": {}}, {"user": "none"})
    assert open_table(data).columns == ("user", "user.id", "user.geo", "user.geo.country", "e")
    assert read(data, ["user.id", "user.geo.country", "user", "e"]) == [
        (1, None, 7, "GB", '{"id": 7, "geo": {"country": "GB"}}', "{}"),
        (2, None, None, None, "none", None),
    ]


def test_numbers_stay_numbers_and_are_spelled_as_they_came_beside_texts():
    data = (
        b'{"n": 1, "f": 1.50, "m": 2.50, "id": 123456789012345678901}\n{"n": 2, "f": 2, "m": "x"}'
    )
    table = open_table(data)
    (batch,) = table.batches(table.columns)
    assert batch.frame.schema == {
        "n": pl.Int64, "f": pl.Float64, "m": pl.String, "id": pl.String,
    }  # fmt: skip
    assert batch.frame.rows() == [
        (1, 1.5, "2.50", "123456789012345678901"),
        (2, 2.0, "x", None),
    ]


def test_lists_stand_between_bars_and_what_is_more_as_json():
    data = lines({"a": ["x", "y"], "b": [{"k": 1.5}], "c": ["p|q"], "d": [], "e": True, "f": None})
    assert read(data) == [(1, None, "x|y", '[{"k": 1.5}]', '["p|q"]', "", "true", None)]


BROKEN = {
    "cut": b'{"a": "1", ',
    "no object": b'["a"]',
    "a number": b"5",
    "two objects": b'{"a": "1"} {"a": "2"}',
    "a field twice": b'{"a": "1", "a": "2"}',
    "a field twice by its dots": b'{"a.b": "1", "a": {"b": "2"}}',
    "NaN": b'{"a": NaN}',
    "nested too deep": b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "a name that cannot be shown": b'{"a\\u0000": "1"}',
    "a name without end": b'{"' + b"a" * 500 + b'": "1"}',
    "no name": b'{"": "1"}',
    "single quotes": b"{'a': '1'}",
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_line_is_a_faulty_row_in_its_place(what):
    data = b'{"a": "0"}\n\n' + BROKEN[what] + b'\n{"a": "2"}\n'
    assert read(data) == [(1, None, "0"), (2, "unparseable", None), (3, None, "2")]


def test_letters_that_cannot_be_are_a_faulty_row():
    data = (
        b'{"a": "0"}\n{"a": "\\ud800"}\n{"a": "caf\xc3\xa9"}\n{"a": "caf\xe9"}\n'
        b'{"a": "\\ud83d\\ude00"}\n'
    )
    assert read(data) == [
        (1, None, "0"), (2, "bad_encoding", None), (3, None, "café"), (4, "bad_encoding", None),
        (5, None, "😀"),
    ]  # fmt: skip


def test_long_cells_and_lines_are_marked_and_the_rest_is_read():
    small = Limits(batch_bytes=1_000, cell_bytes=200)
    data = lines({"a": "x" * 300, "b": "1"}, {"a": "é" * 99, "b": "2"}, {"a": "y" * 5_000},
                 {"a": "z", "b": "4"})  # fmt: skip
    assert read(data, limits=small) == [
        (1, "cell_too_long", None, "1"),
        (2, None, "é" * 99, "2"),
        (3, "cell_too_long", None, None),
        (4, None, "z", "4"),
    ]


def test_a_line_without_end_is_one_faulty_row():
    small = Limits(batch_bytes=1_000)
    assert read(lines({"a": "1"}) + b'{"a": "' + b"x" * 10_000, limits=small) == [
        (1, None, "1"), (2, "cell_too_long", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", codecs.BOM_UTF8), ("utf-16-le", codecs.BOM_UTF16_LE),
     ("utf-16-be", codecs.BOM_UTF16_BE)],
)  # fmt: skip
def test_marked_encodings_and_line_ends_of_windows_are_read(encoding, mark):
    data = mark + '{"a": "Café"}\r\n{"a": "x"}\r\n'.encode(encoding)
    assert read(data) == [(1, None, "Café"), (2, None, "x")]


@pytest.mark.parametrize(
    "data",
    [b'[{"a": 1}, {"a": 2}]', b'[\n {"a": 1},\n {"a": 2}\n]', b'{\n "rows": [\n  1\n ]\n}\n',
     b"{}", b"{", b"{}\n{}\n"],
)  # fmt: skip
def test_other_json_is_refused_with_what_to_do(data):
    with pytest.raises(UploadRefused) as caught:
        open_table(data)
    assert caught.value.code == "not_json_lines"
    assert "JSON Lines" in caught.value.message


def test_ids_as_names_of_fields_are_refused_as_too_many_columns():
    data = lines(*({"scores": {f"user{n}": 1}} for n in range(600)))
    assert refusal(data) == "too_many_columns"


def test_too_many_lines_are_refused():
    assert refusal(lines(*[{"a": 1}] * 11), limits=Limits(rows=10)) == "too_many_rows"


def test_lines_are_numbered_across_batches():
    data = lines(*({"a": n} for n in range(1, 2_001)))
    found = read(data, limits=Limits(batch_bytes=1_000))
    assert [(row, cell) for row, _, cell in found] == [(n, n) for n in range(1, 2_001)]


def test_events_in_json_lines_are_cleaned_like_any_others():
    data = lines(
        {"user_id": 7, "item_id": "i1", "type": "view", "occurred_at": 1_714_559_400},
        {"user_id": "8", "item_id": "i1", "type": "purchase", "occurred_at": "2024-05-01T10:00:00Z",
         "price": 2.5, "quantity": 2},
        {"user_id": "8", "item_id": "i1", "type": "view"},
    )  # fmt: skip
    assert outcomes(data) == ["accepted", "accepted", "missing_time"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_lines_are_numbered_or_refused(found):
    data = b'{"a": "1"}\n' + b"\n".join(line.replace(b"\n", b"") for line in found)
    try:
        rows = [row[0] for row in read(data, limits=Limits(batch_bytes=1_000), encoding="utf-8")]
    except UploadRefused as refused:
        assert refused.code
    else:
        assert rows == list(range(1, len(rows) + 1))
