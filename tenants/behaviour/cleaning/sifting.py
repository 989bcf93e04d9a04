"""Sort the rows of a batch by a chain of steps: each row ends with one code or stays alive.

Knows nothing of events, items or consent records; their steps are tables in the cleaning modules.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby

import polars as pl

from tenants.behaviour.cleaning.seen import KEY
from tenants.behaviour.cleaning.seen import Seen as Seen  # the modules of cleaning hand it on
from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.columns.times import Times, times
from tenants.behaviour.reading.tables import Batch

ID_LENGTH = 200
FIRST_ROWS = 20
CLOCK_SKEW = timedelta(minutes=5)
FAULTS = ("unparseable", "unclosed_quote", "bad_encoding", "cell_too_long")
CODES = {"row": pl.Int64, "code": pl.String}


@dataclass(frozen=True)
class Rules:
    """What steps may look at beside the rows. `now` is a column where each row has its own."""

    options: UploadOptions
    now: datetime | pl.Expr
    earlier: Seen


Marks = Callable[[pl.DataFrame, Rules], pl.Series]


@dataclass(frozen=True)
class ByRules:
    """An expression that the rules decide."""

    of: Callable[[Rules], pl.Expr]


@dataclass(frozen=True)
class Step:
    """One step of cleaning: `marks` says, per living row, whether it ends here with `code`: an
    expression where the row and the rules tell, else a function.
    """

    code: str
    marks: pl.Expr | ByRules | Marks


@dataclass(frozen=True)
class Cleaned:
    """What became of one batch.

    rows      the accepted rows, typed; the columns depend on the kind of upload
    marks     Int64 row and String code of every other row, in the order of the file
    received  how many rows came in
    steps     the codes of the chain, in its order
    seen      what the next batch of the same file must be given
    cancelled rows of cancelled orders, typed; they stand in `marks`, too
    batch     the rows as they came, where they may be asked for again
    """

    rows: pl.DataFrame
    marks: pl.DataFrame
    received: int
    steps: tuple[str, ...]
    seen: Seen
    cancelled: pl.DataFrame = field(default_factory=pl.DataFrame)
    batch: Batch | None = None

    def recoded(self, codes: Mapping[int, str]) -> "Cleaned":
        """With other codes for some rows of `marks`."""
        if not codes:
            return self
        code = pl.col("row").replace_strict(dict(codes), default=pl.col("code"))
        new = tuple(dict.fromkeys((*self.steps, *codes.values())))
        return replace(self, marks=self.marks.with_columns(code.alias("code")), steps=new)

    def counts(self) -> dict[str, int]:
        """Rows per code, in the order of the steps, codes without rows left out."""
        found = dict(self.marks["code"].value_counts().iter_rows())
        return {code: found[code] for code in self.steps if code in found}

    def first_rows(self, code: str) -> tuple[int, ...]:
        """The numbers of the first rows that ended with the code."""
        return tuple(self.marks.filter(pl.col("code") == code)["row"].head(FIRST_ROWS))


def sift(
    typed: pl.DataFrame, steps: Sequence[Step], rules: Rules, columns: Sequence[str]
) -> Cleaned:
    """Run the chain over a typed batch; `columns` are what an accepted row keeps.

    A row that several steps would mark ends at the first of them.
    """
    living = typed
    ended = [pl.DataFrame(schema=CODES)]
    for several in together(_settled(steps, rules)):
        told = marks_of(living, several, rules)
        for code in told.columns if told.select(pl.any_horizontal(pl.all().any())).item() else ():
            marked = told[code]
            if marked.any():
                ended.append(living.filter(marked).select("row", pl.lit(code).alias("code")))
                living, told = living.filter(~marked), told.filter(~marked)
    return Cleaned(
        living.select(columns),
        pl.concat(ended).sort("row"),
        typed.height,
        tuple(step.code for step in steps),
        rules.earlier.adding(living),
    )


def _settled(steps: Sequence[Step], rules: Rules) -> Iterator[Step]:
    for step in steps:
        marks = step.marks
        yield replace(step, marks=marks.of(rules)) if isinstance(marks, ByRules) else step


def together(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """The steps in their order; those that stand side by side and ask the row alone, as one."""
    for asks_row, several in groupby(steps, lambda step: isinstance(step.marks, pl.Expr)):
        if asks_row:
            yield list(several)
        else:
            yield from ([step] for step in several)


def marks_of(living: pl.DataFrame, steps: Sequence[Step], rules: Rules) -> pl.DataFrame:
    """One Boolean column for each step, by its code."""
    step = steps[0]
    if not isinstance(step.marks, pl.Expr | ByRules):  # it stands alone
        return pl.DataFrame([step.marks(living, rules).fill_null(False).alias(step.code)])
    told = ((step.code, step.marks) for step in steps if isinstance(step.marks, pl.Expr))
    return living.select(marks.fill_null(False).alias(code) for code, marks in told)


def given(batch: Batch, plan: Plan, name: str) -> pl.Series:
    """One of our columns as the file has it; all null where the file has none."""
    theirs = plan.mapping.get(name)
    if theirs is None:
        return pl.Series(name, [None], dtype=pl.String).new_from_index(0, batch.rows.len())
    return unescaped(batch.frame[theirs], plan)


def unescaped(column: pl.Series, plan: Plan) -> pl.Series:
    """A column as it was before `csv_cells` escaped it: of a repaired file only, and in texts."""
    if plan.repaired and column.dtype == pl.String:
        return column.str.strip_prefix("'")  # as `csv_cells.original` does
    return column


def read_times(batch: Batch, plan: Plan, name: str) -> Times:
    """One of our columns as times, read as the file's options say."""
    return times(given(batch, plan, name), plan.options.timezone, plan.options.date_order)


def with_keys(typed: pl.DataFrame, parts: Sequence[str]) -> pl.DataFrame:
    """The frame with a key over the named columns."""
    named = typed.select(parts)
    return typed.with_columns(
        named.hash_rows(seed=11).alias(KEY[0]),
        named.hash_rows(seed=29).alias(KEY[1]),
    )


def lies_ahead(name: str) -> ByRules:
    """The time is later than now by more than clocks may differ."""
    return ByRules(lambda rules: pl.col(name) > rules.now + CLOCK_SKEW)


def is_repeated(living: pl.DataFrame, rules: Rules) -> pl.Series:
    """Rows whose key an earlier row of the file has."""
    keys = living.select(KEY)
    again = ~keys.select(pl.struct(KEY).is_first_distinct().alias("first"))["first"]
    return again | rules.earlier.known(keys)


FAULT_STEPS = tuple(Step(code, pl.col("fault") == code) for code in FAULTS)


def controls(names: Sequence[str], texts: Sequence[str]) -> pl.Expr:
    """Whether an id holds a control character or a text the character NUL."""
    return pl.any_horizontal(
        *(pl.col(name).str.contains(r"[\x00-\x1f\x7f]").fill_null(False) for name in names),
        *(pl.col(name).str.contains("\x00", literal=True).fill_null(False) for name in texts),
    )


def longer(lengths: dict[str, int]) -> pl.Expr:
    """Whether one of the columns holds more characters than it may."""
    return pl.any_horizontal(
        *((pl.col(name).str.len_chars() > most).fill_null(False) for name, most in lengths.items())
    )
