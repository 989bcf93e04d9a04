"""Read one column of a file as ids, texts, numbers, words, flags or lists; `times` reads times.

Pure functions from a polars Series of any type to one of a known type; null means nothing given.
They never raise for a value: what cannot be read stays visible to the caller as documented.
"""

from collections.abc import Callable

import polars as pl

from tenants.behaviour.refusals import UploadRefused

# What exports write where there is nothing.
NOTHING = ("", "null", "none", "nan", "n/a", "#n/a", r"\n", "undefined", "nat", "<na>")
EXACT = 2**53

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


VALUE = pl.col("value")
WITHOUT_ZEROS = VALUE.str.replace(r"^(\d+)\.0+$", "$1")
FINITE = pl.when(VALUE.is_infinite()).then(float("nan")).otherwise(VALUE)
GIVEN = pl.when(
    ~(VALUE.str.len_bytes().le(12) & VALUE.str.to_lowercase().is_in(NOTHING))
).then(VALUE)  # fmt: skip
# Shorter columns are not worth a look at how much they repeat themselves.
FEW = 1_000


def by_distinct(
    column: pl.Series, to: type[pl.DataType], read: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """`read(column)`, each different text read once: exports repeat their people, items and prices.

    `read` goes row by row, gives the type `to`, and reads a null as null.
    """
    if column.null_count() == column.len():
        return nothing_of(column, to)
    if column.dtype != pl.String or column.len() < FEW:
        return read(column)
    distinct = column.drop_nulls().unique()
    if distinct.len() * 2 > column.len():
        return read(column)
    return read(distinct).gather(column.cast(pl.Enum(distinct)).to_physical()).alias(column.name)


def nothing_of(column: pl.Series, to: pl.DataType | type[pl.DataType]) -> pl.Series:
    """As many nulls as the column has rows."""
    return pl.Series(column.name, [None], dtype=to).new_from_index(0, column.len())


def texts(column: pl.Series) -> pl.Series:
    """The values as text without blanks around them; String, null where nothing is given."""
    return by_distinct(column, pl.String, _texts)


def _texts(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        column = column.fill_nan(None)
    return _steps(column, VALUE.cast(pl.String, strict=False).str.strip_chars(), GIVEN)


def _steps(column: pl.Series, *steps: pl.Expr) -> pl.Series:
    """The column after these steps of VALUE: an expression is reckoned at one go, while each method
    of a Series is a question of its own, which is most of the price of a short column.
    """
    frame = pl.DataFrame([column.alias("value")])
    for step in steps:
        frame = frame.select(step.alias("value"))
    return frame.to_series().alias(column.name)


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
    return by_distinct(column, pl.String, lambda text: _steps(_texts(text), WITHOUT_ZEROS))


def numbers(column: pl.Series, decimal_mark: str) -> pl.Series:
    """The values as Float64: null where nothing is given, NaN where it is no finite number."""
    if column.dtype.is_float():
        number = _steps(column, VALUE.cast(pl.Float64).fill_nan(None))
    elif column.dtype.is_numeric():
        number = column.cast(pl.Float64)
    else:
        number = by_distinct(
            column, pl.Float64, lambda text: text_numbers(_texts(text), decimal_mark)
        )
    return _steps(number, FINITE)


def text_numbers(text: pl.Series, decimal_mark: str) -> pl.Series:
    """Numbers out of text, with currency signs and separated thousands; NaN if unreadable."""
    pattern, thousands = NUMBERS[decimal_mark]
    bare = text.str.replace_all(MONEY, "$1")
    sound = bare.str.contains(pattern)
    digits = bare.str.replace_all(thousands, "").str.replace(",", ".", literal=True)
    number = digits.cast(pl.Float64, strict=False)
    unreadable = text.is_not_null() & (~sound | number.is_null())
    return number.set(unreadable, float("nan"))


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
