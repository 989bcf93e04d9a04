"""Bring the columns of a Parquet file into the few types that can be read without surprises.

Polars stops the process over a year 300,000 or a zone it does not know, so times come in range
and in UTC, and decimals as floats, before it sees them.
"""

import pyarrow as pa
import pyarrow.compute as pc

from tenants.behaviour.refusals import UploadRefused

TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
)
TIMES = (pa.types.is_timestamp, pa.types.is_date)
OTHERS = (
    *TIMES,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_boolean,
    pa.types.is_null,
)

# Microseconds since 1970 of the first and the last second that Python can write as a date.
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_000_000
# Ticks of a unit as microseconds: times the first, divided by the second.
TICKS = {"D": (86_400_000_000, 1), "s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1),
         "ns": (1, 1_000)}  # fmt: skip
INT64 = 2**63 - 1


def is_text(name: str, type_: pa.DataType) -> bool:
    """Whether the column is text; raises UploadRefused for lists, structs and the like."""
    inner = type_.value_type if pa.types.is_dictionary(type_) else type_
    if any(test(inner) for test in TEXTS):
        return True
    if any(test(inner) for test in OTHERS):
        return False
    raise UploadRefused("unsupported_column", column=name[:60], type=str(inner)[:60])


def plain(column: pa.Array) -> pa.Array:
    """Texts as bytes (Parquet does not promise UTF-8), decimals as floats, times in range."""
    values = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if any(test(values.type) for test in TEXTS):
        return values.cast(pa.large_binary())
    if any(test(values.type) for test in TIMES):
        return in_range(values)
    return values.cast(pa.float64()) if pa.types.is_decimal(values.type) else values


def in_range(times: pa.Array) -> pa.Array:
    """Times as microseconds, UTC where they have a zone; impossible years become year 1."""
    unit = {pa.date32(): "D", pa.date64(): "ms"}.get(times.type) or times.type.unit
    factor, divisor = TICKS[unit]
    first = max(FIRST * divisor // factor, -INT64)
    last = min(LAST * divisor // factor, INT64)
    ticks = times.cast(pa.int32()).cast(pa.int64()) if unit == "D" else times.cast(pa.int64())
    sound = pc.and_(pc.greater_equal(ticks, first), pc.less_equal(ticks, last))
    micros = pc.divide(pc.multiply(pc.if_else(sound, ticks, first), factor), divisor)
    zone = "UTC" if getattr(times.type, "tz", None) else None
    return micros.cast(pa.timestamp("us", zone))
