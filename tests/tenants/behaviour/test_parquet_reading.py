"""Parquet files: judged by their footer, read without surprises."""

import io
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from behaviour_files import outcomes, parquet_file, read, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused


def test_parquet_is_told_by_its_content_and_keeps_its_types():
    data = parquet_file({"id": [1.0, None], "title": ["x", "yé"]})
    assert open_table(io.BytesIO(data)).details == {"format": "parquet", "declared_rows": 2}
    assert read(data) == [(1, None, 1.0, "x"), (2, None, None, "yé")]


def test_parquet_rows_are_numbered_across_row_groups():
    data = parquet_file({"n": range(1, 1_001)}, row_group_size=100)
    rows = read(data, limits=Limits(batch_rows=70))
    assert [(row, cell) for row, _, cell in rows] == [(n, n) for n in range(1, 1_001)]


def test_parquet_text_that_is_no_utf8_is_marked():
    out = io.BytesIO()
    pq.write_table(pa.table({"t": pa.array([b"ok", b"\xff", None], pa.binary())}), out)
    rows = read(out.getvalue())
    assert rows == [(1, None, "ok"), (2, "bad_encoding", None), (3, None, None)]


@pytest.mark.parametrize("cut", [1, 4, 9, 100])
def test_a_truncated_parquet_file_is_refused(cut):
    data = parquet_file({"a": [f"value {n}" for n in range(500)]})
    assert refusal(data[:-cut]) == "truncated_parquet"


def test_a_parquet_file_with_a_damaged_page_is_refused():
    out = io.BytesIO()
    table = pa.table({"a": [f"value {n}" for n in range(5_000)]})
    pq.write_table(table, out, write_page_checksum=True, use_dictionary=False)
    data = bytearray(out.getvalue())
    data[len(data) // 2] ^= 0xFF
    assert refusal(bytes(data)) == "damaged_file"


def test_a_parquet_footer_that_lies_about_its_size_is_refused():
    data = parquet_file({"a": [1, 2, 3]})
    assert refusal(data[:-8] + b"\xff\xff\xff\x7f" + b"PAR1") == "damaged_file"
    name = bytearray(parquet_file({"heading": [1, 2, 3]}))
    while b"heading" in name:
        place = name.index(b"heading")
        name[place : place + 2] = b"\xd5\x00"
    assert refusal(bytes(name)) == "damaged_file"
    assert refusal(b"PAR1PAR1") == "truncated_parquet"
    assert refusal(b"PAR1" + b"\x00" * 20 + b"PARE") == "encrypted_parquet"


def test_s38_a_parquet_dictionary_that_unfolds_too_large_is_refused():
    out = io.BytesIO()
    places = pa.array([0] * 20_000, pa.int32())
    pq.write_table(pa.table({"a": pa.DictionaryArray.from_arrays(places, ["x" * 60_000])}), out)
    assert out.tell() < 10_000
    assert refusal(out.getvalue()) == "unpacks_too_large"


def test_parquet_lists_are_refused_only_where_they_are_read():
    data = parquet_file({"a": [[1], [2]], "b": [1, 2]})
    assert read(data, ["b"]) == [(1, None, 1), (2, None, 2)]
    assert refusal(data) == "unsupported_column"


def test_parquet_columns_and_rows_are_counted_before_decoding():
    assert refusal(parquet_file({f"c{n}": [1] for n in range(600)})) == "too_many_columns"
    assert refusal(parquet_file({"a": pl.Series([], dtype=pl.Int64)})) == "no_rows"
    group = Limits(row_group_bytes=100)
    assert refusal(parquet_file({"a": range(1_000)}), limits=group) == "unpacks_too_large"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2_000), st.binary(min_size=1, max_size=4))
def test_a_parquet_file_with_any_bytes_overwritten_is_read_or_refused(place, junk):
    data = bytearray(parquet_file({"a": range(300), "b": [f"text {n}" for n in range(300)]}))
    data[place % len(data) : place % len(data) + len(junk)] = junk
    try:
        rows = [row[0] for row in read(bytes(data))]
    except UploadRefused as refused:
        assert refused.code
    else:
        assert rows == list(range(1, len(rows) + 1))


LARGEST = 2**63 - 1
EXTREMES = {
    "milliseconds": pa.array([LARGEST, -LARGEST, 1_714_559_400_000], pa.timestamp("ms")),
    "zoned": pa.array([LARGEST, -LARGEST, 1_714_559_400_000_000], pa.timestamp("us", "+05:30")),
    "unknown zone": pa.array([LARGEST, None, 1_714_559_400_000], pa.timestamp("ms", "Mars/Phobos")),
    "dates": pa.array([2**31 - 1, -(2**31), 19_844], pa.date32()),
    "decimals": pa.array([Decimal("9e50"), Decimal("-9e50"), Decimal("1714559400")]),
    "numbers": pa.array([2**64 - 1, 0, 1_714_559_400], pa.uint64()),
}


@pytest.mark.parametrize("column", EXTREMES.values(), ids=EXTREMES)
@pytest.mark.parametrize("weeks", [0, -5_200, 5_200])
def test_times_beyond_all_calendars_are_bad_times(column, weeks):
    out = io.BytesIO()
    one = pa.array(["a", "b", "c"])
    pq.write_table(pa.table({"user_id": one, "item_id": one, "occurred_at": column}), out)
    found = outcomes(out.getvalue(), default_type="view", shift_weeks=weeks)
    assert found[:2] == ["bad_time", "bad_time" if column[1].is_valid else "missing_time"]
    assert found[2] == ("future_time" if weeks > 0 else "accepted")


@pytest.mark.parametrize("type_", [pa.time32("ms"), pa.duration("s"), pa.binary(4)], ids=str)
def test_parquet_types_that_mean_nothing_here_are_refused_by_name(type_):
    out = io.BytesIO()
    pq.write_table(pa.table({"odd": pa.nulls(2).cast(type_)}), out)
    with pytest.raises(UploadRefused) as caught:
        read(out.getvalue())
    assert caught.value.params == {"column": "odd", "type": str(type_)}
