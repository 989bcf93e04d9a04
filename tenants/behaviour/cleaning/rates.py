"""Acts faster than a person can do them: counted by person and minute of the clock, trades excepted
(one order has many lines, all at one time).

The count goes on from batch to batch in bounded memory: of each batch the minutes with at least
NOTED acts are kept, the fullest MOST_KEPT in all. A burst that a file scatters thinly over many
batches is not seen.
"""

from dataclasses import dataclass, field

import polars as pl

# One person's clicks and views in one minute: two a second for all of it.
USUAL = 120
NOTED = 8
MOST_KEPT = 100_000
PACE = "pace"
COUNTS = {PACE: pl.UInt64, "acts": pl.UInt32}


def with_pace(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame of typed events with the number of each act's person and minute; null for trades
    and where one of the two is not known.
    """
    minute = frame.select("user_id", pl.col("occurred_at").dt.truncate("1m"))
    known = pl.col("user_id").is_not_null() & pl.col("occurred_at").is_not_null()
    return frame.with_columns(minute.hash_rows(seed=47).alias(PACE)).with_columns(
        pl.when(known & ~pl.col("trade")).then(PACE).alias(PACE)
    )


@dataclass(frozen=True)
class Rates:
    """How many acts of a person in a minute were accepted so far, for the full minutes."""

    counts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTS))

    def adding(self, living: pl.DataFrame) -> "Rates":
        """With the accepted rows of one more batch; rows without the column PACE count nothing."""
        if PACE not in living.columns:
            return self
        noted = _counted(living).filter(pl.col("acts") >= NOTED)
        if noted.is_empty():
            return self
        both = pl.concat([self.counts, noted]).group_by(PACE).agg(pl.col("acts").sum())
        return Rates(both.top_k(MOST_KEPT, by="acts") if both.height > MOST_KEPT else both)

    def beyond(self, living: pl.DataFrame, most: int) -> pl.Series:
        """Which rows come after the first `most` of their person and minute."""
        fast = (
            _counted(living)
            .join(self.counts, on=PACE, how="left", suffix="_before")
            .with_columns(pl.col("acts_before").fill_null(0))
            .filter(pl.col("acts") + pl.col("acts_before") > most)
        )
        if fast.is_empty():
            return pl.Series("beyond", [False]).new_from_index(0, living.height)
        number = living.select(PACE, pl.int_range(1, pl.len() + 1).over(PACE).alias("number"))
        told = number.join(fast, on=PACE, how="left", maintain_order="left")
        return told.select(
            (pl.col("number") + pl.col("acts_before") > most).fill_null(False).alias("beyond")
        )["beyond"]


def _counted(living: pl.DataFrame) -> pl.DataFrame:
    """Acts by person and minute, in the columns COUNTS."""
    known = living.select(PACE).drop_nulls()
    return known.group_by(PACE).agg(pl.len().cast(pl.UInt32).alias("acts"))
