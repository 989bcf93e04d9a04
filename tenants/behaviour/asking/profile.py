"""What the first rows of a file say of each of its columns, in shares of the cells that are filled.

Pure: frames in, numbers out. Knows how values look, not which column of ours they are.
"""

from dataclasses import dataclass

import polars as pl

from tenants.behaviour.columns.parsing import flags, ids, numbers, texts
from tenants.behaviour.columns.times import times

# Bare numbers that are times of a shop: seconds since 1970 from 1995 on, the same in milliseconds
# and finer, and days written together (20260301, 20260301100000).
BARE_TIME = (
    r"^(?:(?:[89]\d{8}|1\d{9})(?:\.\d+|\d{3}|\d{6}|\d{9})?"
    r"|(?:199|20[0-4])\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{6})?)$"
)


@dataclass(frozen=True)
class Profile:
    """One column. Shares are of its filled cells, 0 to 1; `filled` is of all rows.

    distinct  different values
    runs      cells that repeat the one before: a column that the file is ordered by
    rises     cells that are not less than the one before, as text: numbers given one by one
    time      can be read as a time; `climbs` of these are not before the one above them
    number    numbers; `whole` without a part behind the point, `negative` below zero
    flag      yes or no; at most two different
    json      JSON objects
    blank     hold a blank: words, not ids
    parted    hold a vertical bar between words: a list of categories
    length    letters on average
    least, most  of the numbers; 0 where there are none
    """

    name: str
    filled: float
    distinct: float
    count: int
    runs: float
    rises: float
    time: float
    climbs: float
    number: float
    whole: float
    negative: float
    flag: float
    json: float
    blank: float
    parted: float
    length: float
    least: float
    most: float

    @property
    def epoch(self) -> bool:
        """Whether its numbers are times."""
        return self.time >= 0.95 and self.number >= 0.95


def profile(
    column: pl.Series,
    *,
    zone: str = "UTC",
    decimal_mark: str = ".",
    date_order: str | None = None,
) -> Profile:
    """The profile of one column as a reader hands it on."""
    text = texts(column)
    some = text.drop_nulls()
    count = some.len()
    moments = _moments(column, text, zone, date_order)
    read = numbers(column, decimal_mark)
    figures = read.filter(read.is_not_nan().fill_null(False))
    flag = flags(column)

    def share(found: pl.Series) -> float:
        return float(found.sum() or 0) / count if count else 0.0

    return Profile(
        name=column.name,
        filled=count / column.len() if column.len() else 0.0,
        distinct=some.n_unique() / count if count else 0.0,
        count=some.n_unique(),
        runs=share((some == some.shift(1)).fill_null(False)),
        rises=share((some >= some.shift(1)).fill_null(True)),
        time=moments.len() / count if count else 0.0,
        climbs=_climbs(moments),
        number=figures.len() / count if count else 0.0,
        whole=share(figures == figures.round()),
        negative=share(figures < 0),
        flag=share(flag >= 0) if some.n_unique() <= 2 else 0.0,
        json=share(some.str.contains(r"^\{.*\}$")),
        blank=share(some.str.contains(r"\S\s+\S")),
        parted=share(some.str.contains(r"\w\|\w")),
        length=float(some.str.len_chars().mean() or 0.0),  # type: ignore[arg-type]
        least=float(figures.min() or 0.0),  # type: ignore[arg-type]
        most=float(figures.max() or 0.0),  # type: ignore[arg-type]
    )


def _moments(column: pl.Series, text: pl.Series, zone: str, order: str | None) -> pl.Series:
    """The cells that are times: of whole numbers only such as count seconds or name days."""
    moments = times(column, zone, order).moment
    if column.dtype.is_numeric():
        text = ids(column) if not column.dtype.is_float() else text.str.replace(r"\.0+$", "")
    bare = text.str.contains(r"^\d+(?:\.\d+)?$").fill_null(False)
    meant = ~bare | text.str.contains(BARE_TIME).fill_null(False)
    return moments.filter(meant & moments.is_not_null())


def _climbs(moments: pl.Series) -> float:
    if moments.len() < 2:
        return 0.0
    later = (moments.shift(-1) >= moments).drop_nulls()
    return float(later.sum()) / later.len()
