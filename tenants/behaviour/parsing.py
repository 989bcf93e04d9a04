"""Read one column of a file as ids, texts, numbers, times, words, flags or lists.

Pure functions from a polars Series of any type to one of a known type; null means nothing given.
They never raise for a value: what cannot be read stays visible to the caller as documented.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from tenants.behaviour.refusals import UploadRefused

# What exports write where there is nothing.
NOTHING = ("", "null", "none", "nan", "n/a", "#n/a", r"\n", "undefined", "nat", "<na>")
EXACT = 2**53

# Upper bounds of the magnitude of epoch seconds, milliseconds and microseconds; above: nanoseconds.
EPOCHS = ((100_000_000_000, 1_000_000), (100_000_000_000_000, 1_000), (10**17, 1))

DATE = r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
CLOCK = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
ZONE = r"(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
MOMENT = rf"^{DATE}(?:(?:[Tt]|\s+){CLOCK})?\s*{ZONE}?$"
EPOCH_TEXT = r"^\d{9,19}(?:\.\d+)?$"

MINUTE = 60_000_000  # microseconds
FARTHEST_ZONE = 14 * 60  # minutes from UTC

# For each decimal mark: what a number looks like, and what may stand between its thousands.
NUMBERS = {
    ".": (
        r"^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+|\d{1,3}(?:[ '\u00a0\u202f]\d{3})+)?(?:\.\d*)?"
        r"(?:[eE][+-]?\d{1,3})?$",
        r"[, '\u00a0\u202f]",
    ),
    ",": (
        r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:[ '\u00a0\u202f]\d{3})+)?(?:,\d*)?"
        r"(?:[eE][+-]?\d{1,3})?$",
        r"[. '\u00a0\u202f]",
    ),
}
MONEY = r"^([+-]?)\s*[£$€¥]\s*|\s*[£$€¥]$"

FLAGS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0", "instock", "in stock"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0", "outofstock", "out of stock"), False),
}


# Shorter columns are not worth a look at how much they repeat themselves.
FEW = 1_000


def by_distinct(
    column: pl.Series, to: type[pl.DataType], read: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """`read(column)`, each different text read once: exports repeat their people, items and prices.

    `read` goes row by row, gives the type `to`, and reads a null as null.
    """
    if column.null_count() == column.len():
        return pl.Series(column.name, [None], dtype=to).new_from_index(0, column.len())
    if column.dtype != pl.String or column.len() < FEW:
        return read(column)
    distinct = column.drop_nulls().unique()
    if distinct.len() * 2 > column.len():
        return read(column)
    return read(distinct).gather(column.cast(pl.Enum(distinct)).to_physical()).alias(column.name)


def texts(column: pl.Series) -> pl.Series:
    """The values as text without blanks around them; String, null where nothing is given."""
    return by_distinct(column, pl.String, _texts)


def _texts(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        column = column.fill_nan(None)
    text = column.cast(pl.String, strict=False).str.strip_chars()
    nothing = text.str.len_bytes().le(12) & text.str.to_lowercase().is_in(NOTHING)
    return text.set(nothing.fill_null(False), None)


def ids(column: pl.Series) -> pl.Series:
    """The values as ids; String, null where nothing is given.

    A whole number that passed through a decimal column loses its '.0': 13085.0 is '13085', also
    in text. Raises UploadRefused inexact_ids where a decimal column is too coarse to be trusted.
    """
    if column.dtype.is_float():
        column = column.fill_nan(None)
        if (column.abs() >= EXACT).any():
            raise UploadRefused("inexact_ids", column=column.name[:60])
        whole = column.cast(pl.Int64, strict=False)
        text = whole.cast(pl.String)
        parts = (whole.cast(column.dtype) != column).fill_null(False)
        return pl.select(pl.when(parts).then(column.cast(pl.String)).otherwise(text)).to_series()
    return by_distinct(
        column, pl.String, lambda text: _texts(text).str.replace(r"^(\d+)\.0+$", "$1")
    )


def numbers(column: pl.Series, decimal_mark: str) -> pl.Series:
    """The values as Float64: null where nothing is given, NaN where it is no finite number."""
    if column.dtype.is_float():
        number = column.cast(pl.Float64).fill_nan(None)
    elif column.dtype.is_numeric():
        number = column.cast(pl.Float64)
    else:
        number = by_distinct(
            column, pl.Float64, lambda text: text_numbers(_texts(text), decimal_mark)
        )
    return number.set((number.is_infinite()).fill_null(False), float("nan"))


def text_numbers(text: pl.Series, decimal_mark: str) -> pl.Series:
    """Numbers out of text, with currency signs and separated thousands; NaN if unreadable."""
    pattern, thousands = NUMBERS[decimal_mark]
    bare = text.str.replace_all(MONEY, "$1")
    sound = bare.str.contains(pattern)
    digits = bare.str.replace_all(thousands, "").str.replace(",", ".", literal=True)
    number = digits.cast(pl.Float64, strict=False)
    unreadable = text.is_not_null() & (~sound | number.is_null())
    return number.set(unreadable, float("nan"))


@dataclass(frozen=True)
class Times:
    """One column of times, in three Series of one length.

    moment  Datetime(us, UTC), null where nothing is given or it is no possible time
    given   Boolean, whether anything was written there
    zoned   Boolean, whether it said its zone (a number of seconds does: it counts in UTC)
    """

    moment: pl.Series
    given: pl.Series
    zoned: pl.Series


def times(column: pl.Series, zone: str) -> Times:
    """Read times; `zone` is the IANA zone of those that carry none.

    Takes Parquet timestamps and dates, seconds to nanoseconds since 1970, and ISO 8601 with or
    without clock and zone (also with '/' or '.' between year, month and day). A clock time that
    a zone skips in spring is no possible time; one that it repeats in autumn is the earlier.
    """
    kind = column.dtype
    if isinstance(kind, pl.Datetime):
        moment = column.cast(pl.Datetime("us", kind.time_zone))
        zoned = kind.time_zone is not None
        moment = moment.dt.convert_time_zone("UTC") if zoned else in_zone(moment, zone)
        return Times(moment, column.is_not_null(), every(column, zoned))
    if kind == pl.Date:
        moment = in_zone(column.cast(pl.Datetime("us")), zone)
        return Times(moment, column.is_not_null(), every(column, False))
    if kind.is_numeric():
        return Times(from_epoch(column), column.is_not_null(), every(column, True))
    return text_times(texts(column), zone)


def every(column: pl.Series, value: bool) -> pl.Series:
    """`value` for every row."""
    return pl.Series([value], dtype=pl.Boolean).new_from_index(0, column.len())


def in_zone(naive: pl.Series, zone: str) -> pl.Series:
    """Clock times of a zone as moments in UTC; null where the zone skips them."""
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def from_epoch(column: pl.Series) -> pl.Series:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude."""
    amount = pl.col("n")
    micros = (amount / 1_000).cast(pl.Int64, strict=False)
    for bound, factor in reversed(EPOCHS):
        scaled = (amount * factor).cast(pl.Int64, strict=False)
        micros = pl.when(amount.abs() < bound).then(scaled).otherwise(micros)
    whole = pl.Float64 if column.dtype.is_float() else pl.Int64
    frame = pl.DataFrame({"n": column.cast(whole, strict=False)})
    return frame.select(micros.cast(pl.Datetime("us", "UTC"))).to_series()


def text_times(text: pl.Series, zone: str) -> Times:
    """Times out of text; see `times`. Equal texts are read once: logs repeat their minutes."""
    distinct = pl.DataFrame({"text": text.drop_nulls().unique()})
    parts = distinct["text"].str.extract_groups(MOMENT).struct.unnest()
    parts.columns = ["year", "month", "day", "hour", "minute", "second", "part", "zone"]
    naive = clock_time(parts)
    offset = zone_offset(parts["zone"])
    seconds = distinct["text"].str.contains(EPOCH_TEXT)
    epoch = from_epoch(distinct["text"].set(~seconds, None).cast(pl.Float64, strict=False))
    read = pl.select(
        text=distinct["text"],
        moment=pl.coalesce(
            epoch,
            (naive - offset).dt.replace_time_zone("UTC"),
            in_zone(naive.set(parts["zone"].is_not_null(), None), zone),
        ),
        zoned=seconds | offset.is_not_null(),
    )
    found = pl.DataFrame({"text": text}).join(
        read, on="text", how="left", maintain_order="left", coalesce=True
    )
    return Times(found["moment"], text.is_not_null(), found["zoned"].fill_null(False))


def clock_time(parts: pl.DataFrame) -> pl.Series:
    """Date and clock from their groups; null for the 30th of February and the like."""
    written = parts.select(
        pl.format(
            "{}-{}-{} {}:{}:{}.{}",
            "year",
            pl.col("month").str.zfill(2),
            pl.col("day").str.zfill(2),
            pl.col("hour").fill_null("00").str.zfill(2),
            pl.col("minute").fill_null("00"),
            pl.col("second").fill_null("00"),
            pl.col("part").fill_null("0").str.pad_end(9, "0"),
        )
    ).to_series()
    return written.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)


def zone_offset(zone: pl.Series) -> pl.Series:
    """How far ahead of UTC: Duration; null where no zone is written or it is no possible one."""
    digits = zone.str.replace(":", "", literal=True)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.select(pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    total = (hours * 60 + minutes) * sign
    named = digits.str.to_lowercase().is_in(["z", "utc", "gmt"])
    total = total.set(named.fill_null(False), 0)
    possible = total.set((total.abs() > FARTHEST_ZONE).fill_null(False), None)
    return (possible * MINUTE).cast(pl.Duration("us"))


def words(column: pl.Series) -> pl.Series:
    """Codes of a small vocabulary: text in lower case."""
    return texts(column).str.to_lowercase()


def flags(column: pl.Series) -> pl.Series:
    """Yes or no as Int8: 1, 0, null where nothing is given, -1 where it is neither."""
    word = words(column.cast(pl.Int8) if column.dtype == pl.Boolean else column)
    read = word.replace_strict(
        {name: int(value) for name, value in FLAGS.items()},
        default=-1,
        return_dtype=pl.Int8,
    )
    return read.set(word.is_null(), None)


def lists(column: pl.Series) -> pl.Series:
    """Values between vertical bars as List(String); an empty list where nothing is given."""
    parts = texts(column).fill_null("").str.split("|")
    return parts.list.eval(
        pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != "")
    )
