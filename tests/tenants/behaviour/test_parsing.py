"""One column as ids, numbers, flags and lists."""

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.behaviour.columns import parsing
from tenants.behaviour.columns.parsing import by_distinct, flags, ids, lists, numbers, texts
from tenants.behaviour.refusals import UploadRefused


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ([13085.0, None, float("nan"), 1.5], ["13085", None, None, "1.5"]),
        ([13085, 7], ["13085", "7"]),
        (["13085.0", "0013", " a b ", "1.50"], ["13085", "0013", "a b", "1.50"]),
        (["", "  ", "NULL", "None", "nan", "N/A", r"\N", "undefined"], [None] * 8),
        (["nana", "0", "none of these"], ["nana", "0", "none of these"]),
    ],
)
def test_ids_become_text(given, read):
    assert ids(pl.Series("id", given, strict=False)).to_list() == read


def test_ids_too_large_for_a_decimal_column_are_refused():
    with pytest.raises(UploadRefused) as caught:
        ids(pl.Series("card", [1.0, 2.0**53]))
    assert (caught.value.code, caught.value.params) == ("inexact_ids", {"column": "card"})
    assert ids(pl.Series("card", [2**53 + 1])).to_list() == ["9007199254740993"]


def test_text_keeps_its_inside_and_loses_blanks_around():
    assert texts(pl.Series(["\u00a0two  words\u3000", "\t"])).to_list() == ["two  words", None]


@pytest.mark.parametrize(
    ("written", "mark", "read"),
    [
        ("12", ".", 12.0),
        ("-0.5", ".", -0.5),
        (".5", ".", 0.5),
        ("1,234.50", ".", 1234.5),
        ("1,234,567", ".", 1234567.0),
        ("1 234,50", ",", 1234.5),
        ("1.234,50", ",", 1234.5),
        ("12,5", ",", 12.5),
        ("1'234.5", ".", 1234.5),
        ("£2.50", ".", 2.5),
        ("-£2.50", ".", -2.5),
        ("2,50 €", ",", 2.5),
        ("1e3", ".", 1000.0),
        ("12,5", ".", None),
        ("1,23,4", ".", None),
        ("12.5", ",", None),
        ("inf", ".", None),
        ("1e999", ".", None),
        ("ten", ".", None),
        ("1 2", ".", None),
        ("0x10", ".", None),
        ("=1+1", ".", None),
        ("-", ".", None),
        (".", ".", None),
    ],
)
def test_a_number_is_read_exactly_or_not_at_all(written, mark, read):
    (number,) = numbers(pl.Series([written]), mark)
    assert math.isnan(number) if read is None else number == read


def test_a_missing_number_is_not_an_unreadable_one():
    assert numbers(pl.Series(["", None, "NULL"]), ".").to_list() == [None, None, None]
    assert numbers(pl.Series([float("nan"), 1.0]), ".").to_list() == [None, 1.0]
    assert math.isnan(numbers(pl.Series([float("inf")]), ".")[0])
    assert numbers(pl.Series([3, None]), ",").to_list() == [3.0, None]


def test_flags_are_yes_no_nothing_or_wrong():
    assert flags(pl.Series(["Yes", "0", "", "maybe", "TRUE"])).to_list() == [1, 0, None, -1, 1]
    assert flags(pl.Series([True, False, None])).to_list() == [1, 0, None]
    assert flags(pl.Series([1, 0, 2])).to_list() == [1, 0, -1]


def test_lists_stand_between_bars():
    assert lists(pl.Series(["a| b |", None, ""])).to_list() == [["a", "b"], [], []]


@pytest.mark.parametrize("read", [ids, texts, lambda column: numbers(column, ".")])
@given(
    cells=st.lists(
        st.none() | st.sampled_from(["", " a ", "7.0", "1,000", "nan", "null", "£3", "x\ufdd0"])
        | st.text(max_size=4),
        max_size=60,
    )
)  # fmt: skip
def test_a_column_that_repeats_itself_reads_like_one_that_is_read_cell_by_cell(read, cells):
    column = pl.Series("c", cells, dtype=pl.String)
    one_by_one = pl.concat([read(column.slice(n, 1)) for n in range(len(cells))] or [read(column)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "FEW", 2)
        together = read(column)
    assert together.dtype == one_by_one.dtype and together.name == "c"
    assert together.equals(one_by_one, null_equal=True) or together.is_nan().any()
    assert together.cast(pl.String).to_list() == one_by_one.cast(pl.String).to_list()


def test_each_different_text_is_read_once_and_all_different_ones_together():
    looked_at = []

    def read(column):
        looked_at.append(column.len())
        return column.str.to_uppercase()

    repeating = pl.Series("c", ["a", "b", None, "a"] * 1000)
    assert by_distinct(repeating, pl.String, read).to_list() == ["A", "B", None, "A"] * 1000
    assert by_distinct(pl.Series("c", list(map(str, range(4000)))), pl.String, read).len() == 4000
    nothing = by_distinct(pl.Series("c", [None] * 4000, dtype=pl.String), pl.Int16, read)
    assert (nothing.null_count(), nothing.dtype, nothing.name) == (4000, pl.Int16, "c")
    assert looked_at == [2, 4000]
