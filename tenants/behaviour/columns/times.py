"""Read one column of a file as times, however it writes them.

Pure. What is written with its year last, in figures, is read only where the caller says whether the
day or the month stands first: the cells alone do not say it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from tenants.behaviour.columns.parsing import nothing_of, texts

DATE_ORDERS = ("day", "month")
# Upper bounds of the magnitude of epoch seconds, milliseconds and microseconds; above: nanoseconds.
EPOCHS = ((100_000_000_000, 1_000_000), (100_000_000_000_000, 1_000), (10**17, 1))
EPOCH_TEXT = r"^\d{9,19}(?:\.\d+)?$"
# Whole numbers in these bounds are days without separators, such as 20260301.
DAYS = (19_000_101, 21_001_231)

MINUTE = 60_000_000  # microseconds
FARTHEST_ZONE = 14 * 60  # minutes from UTC

HALF = r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?" + HALF
)
ZONE = r"(?P<zone>[Zz]|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2})?|UTC|GMT)(?:\s*\([^()]*\))?"
REST = rf"(?:(?:[Tt]|,?\s+){CLOCK})?\s*(?:{ZONE})?$"
WEEKDAY = r"^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,?\s+)?"
MONTH_NAME = r"(?P<name>[A-Z][a-z]{2,8})\.?"
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
YEAR = r"(?P<year>\d{4})"
MONTHS = {
    name[:letters]: f"{number}"
    for number, name in enumerate(
        ("January", "February", "March", "April", "May", "June", "July", "August", "September",
         "October", "November", "December"), 1)
    for letters in (3, 4, len(name))
}  # fmt: skip
# The forms of a text that is a time, in the order in which they are tried.
FORMS = (
    r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + REST,
    # 20260301, 20260301100000, 20260301T1000
    r"^(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>\d{2})"
    r"(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})|"
    rf"[T ](?P<h>\d{{2}})(?P<m>\d{{2}})(?P<s>\d{{2}})?)?(?:{ZONE})?$",
    # Sun, 1 March 2026 10:00; 1-Mar-2026
    rf"{WEEKDAY}{DAY}[\s./-]+{MONTH_NAME}[\s,./-]+{YEAR}{REST}",
    # March 1, 2026; Sun Mar 01 2026 10:00:00 GMT+0100 (CET)
    rf"{WEEKDAY}{MONTH_NAME}\s+{DAY},?\s+{YEAR}{REST}",
    # Sun Mar  1 10:00:00 UTC 2026
    rf"{WEEKDAY}{MONTH_NAME}\s+{DAY}\s+{CLOCK}(?:\s+{ZONE})?\s+{YEAR}$",
    # 2026年3月1日 下午2:30
    r"^(?P<year>\d{4})\s*年\s*(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*日?"
    r"(?:\s*(?P<half>上午|下午)?\s*(?P<hour>\d{1,2})[:：时時点](?P<minute>\d{1,2})"
    r"(?:[:：分](?P<second>\d{1,2})?秒?)?)?$",
)
LAST_YEAR = r"(?P<year>\d{4}|\d{2})"
BY_ORDER = {
    "day": rf"^(?P<day>\d{{1,2}})[-/.](?P<month>\d{{1,2}})[-/.]{LAST_YEAR}{REST}",
    "month": rf"^(?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})[-/.]{LAST_YEAR}{REST}",
}
GROUPS = ("year", "month", "name", "day", "hour", "minute", "second", "part", "half", "zone")
SAME = {"h": "hour", "m": "minute", "s": "second"}


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


def times(column: pl.Series, zone: str, order: str | None = None) -> Times:
    """Read times; `zone` is the IANA zone of those that carry none.

    Takes Parquet timestamps and dates, seconds to nanoseconds since 1970, and texts: ISO 8601
    with or without clock and zone (also with '/' or '.' between year, month and day), the months'
    English names, and the other FORMS. `order`, one of DATE_ORDERS, says what stands first where
    the year stands last, as in 1/2/2026; without it such a text is no possible time. A clock time
    that a zone skips in spring is none either; one that it repeats in autumn is the earlier.
    """
    kind = column.dtype
    if column.null_count() == column.len():
        moment = nothing_of(column, pl.Datetime("us", "UTC"))
        return Times(moment, every(column, False), every(column, False))
    if isinstance(kind, pl.Datetime):
        moment = column.cast(pl.Datetime("us", kind.time_zone))
        zoned = kind.time_zone is not None
        moment = moment.dt.convert_time_zone("UTC") if zoned else in_zone(moment, zone)
        return Times(moment, column.is_not_null(), every(column, zoned))
    if kind == pl.Date:
        moment = in_zone(column.cast(pl.Datetime("us")), zone)
        return Times(moment, column.is_not_null(), every(column, False))
    if kind.is_numeric() and (not kind.is_integer() or not _are_days(column)):
        return Times(from_epoch(column), column.is_not_null(), every(column, True))
    return text_times(texts(column), zone, order)


def _are_days(column: pl.Series) -> bool:
    least, most = DAYS
    return column.len() > column.null_count() and bool(column.is_between(least, most).all())


NONE_READ = pl.DataFrame(
    schema={"text": pl.String, "moment": pl.Datetime("us", "UTC"), "zoned": pl.Boolean}
)


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


def text_times(text: pl.Series, zone: str, order: str | None = None) -> Times:
    """Times out of text; see `times`. Equal texts are read once: logs repeat their minutes."""
    read = pl.concat([NONE_READ, *_by_form(text.drop_nulls().unique().alias("text"), zone, order)])
    found = pl.DataFrame({"text": text}).join(
        read, on="text", how="left", maintain_order="left", coalesce=True
    )
    return Times(found["moment"], text.is_not_null(), found["zoned"].fill_null(False))


def _by_form(left: pl.Series, zone: str, order: str | None) -> Iterator[pl.DataFrame]:
    """Different texts as frames like NONE_READ, form by form; what no form fits is in none."""
    for form in (*FORMS, *([BY_ORDER[order]] if order else [])):
        if left.is_empty():
            return
        parts = _parts(left, form)
        fits = parts["year"].is_not_null()
        if fits.any():
            yield _moments(left.filter(fits), parts.filter(fits), zone)
            left = left.filter(~fits)
    seconds = left.filter(left.str.contains(EPOCH_TEXT))
    moment = from_epoch(seconds.cast(pl.Float64, strict=False))
    yield pl.DataFrame({"text": seconds, "moment": moment, "zoned": every(seconds, True)})


def _parts(text: pl.Series, form: str) -> pl.DataFrame:
    """The groups of a form as Strings in the columns GROUPS, null where it has none."""
    found = text.str.extract_groups(form).struct.unnest()
    for short, name in SAME.items():
        if short in found.columns:
            found = found.with_columns(pl.coalesce(name, short).alias(name))
    missing = [pl.lit(None, pl.String).alias(name) for name in GROUPS if name not in found.columns]
    return found.with_columns(missing).select(GROUPS)


def _moments(text: pl.Series, parts: pl.DataFrame, zone: str) -> pl.DataFrame:
    naive, offset = clock_time(parts), zone_offset(parts["zone"])
    return pl.select(
        text=text,
        moment=pl.coalesce(
            (naive - offset).dt.replace_time_zone("UTC"),
            in_zone(naive.set(parts["zone"].is_not_null(), None), zone),
        ),
        zoned=offset.is_not_null(),
    )


def clock_time(parts: pl.DataFrame) -> pl.Series:
    """Date and clock from their groups; null for the 30th of February and the like."""
    written = parts.select(
        pl.format(
            "{}-{}-{} {}:{}:{}.{}",
            _four_figures("year"),
            pl.coalesce("month", pl.col("name").replace_strict(MONTHS, default=None)).str.zfill(2),
            pl.col("day").str.zfill(2),
            _of_day("hour", "half").str.zfill(2),
            pl.col("minute").fill_null("00").str.zfill(2),
            pl.col("second").fill_null("00").str.zfill(2),
            pl.col("part").fill_null("0").str.pad_end(9, "0"),
        )
    ).to_series()
    return written.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)


def _four_figures(name: str) -> pl.Expr:
    """Of a year in two figures: up to 69 in this century, as most exports mean it."""
    year = pl.col(name)
    century = pl.when(year.cast(pl.Int64) < 70).then(pl.lit("20")).otherwise(pl.lit("19"))
    return pl.when(year.str.len_bytes() == 2).then(century + year).otherwise(year)


def _of_day(hour: str, half: str) -> pl.Expr:
    """The hour from 0 to 23; null where the half of the day has no such hour."""
    given, number = pl.col(half).str.to_lowercase(), pl.col(hour).cast(pl.Int64)
    later = pl.when(given.is_in(["p", "下午"])).then(12).otherwise(0)
    told = pl.when(number <= 12).then(number % 12 + later).cast(pl.String)
    return pl.when(given.is_null()).then(pl.col(hour).fill_null("00")).otherwise(told)


def zone_offset(zone: pl.Series) -> pl.Series:
    """How far ahead of UTC: Duration; null where no zone is written or it is no possible one."""
    digits = zone.str.replace(":", "", literal=True).str.replace(r"^(?:UTC|GMT)([+-])", "$1")
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.select(pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)).to_series()
    total = (hours * 60 + minutes) * sign
    named = digits.str.to_lowercase().is_in(["z", "utc", "gmt"])
    total = total.set(named.fill_null(False), 0)
    possible = total.set((total.abs() > FARTHEST_ZONE).fill_null(False), None)
    return (possible * MINUTE).cast(pl.Duration("us"))
