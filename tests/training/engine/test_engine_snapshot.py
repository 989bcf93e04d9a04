"""A snapshot as the engine reads it."""

import numpy as np
import polars as pl
import pytest

from training.engine.snapshot import read_snapshot


@pytest.mark.parametrize("by", [[], ["subject", "occurred_at"], ["subject", "occurred_at", "item"]])
def test_events_are_read_in_one_order_however_the_file_lists_them(tmp_path, by):
    draws = np.random.default_rng(3)
    count = 400
    frame = pl.DataFrame(
        {
            "subject": draws.integers(1, 9, count),
            "item": draws.integers(1, 6, count),
            "type": draws.choice(["view", "purchase"], count),
            "occurred_at": pl.Series(draws.integers(0, 30, count) * 86_400_000_000).cast(
                pl.Datetime("us", "UTC")
            ),
            "weight": np.ones(count, np.float32),
            "value": np.ones(count, np.float32),
        }
    )
    (frame.sort(by) if by else frame).write_parquet(tmp_path / "events.parquet")
    pl.DataFrame(
        {"item": range(1, 6), "title": "a", "text": "", "category": None, "price": None},
        schema_overrides={"category": pl.String, "price": pl.Float32},
    ).with_columns(first_seen_at=pl.lit(None, pl.Datetime("us", "UTC"))).write_parquet(
        tmp_path / "items.parquet"
    )
    told = read_snapshot(tmp_path).events
    order = np.lexsort((told.item, told.time, told.subject))
    assert np.array_equal(order, np.arange(count))
    assert told.types == ("purchase", "view")
    for subject in range(told.subjects):
        mine = frame.filter(pl.col("subject") == subject + 1).sort("occurred_at", "item")
        rows = slice(int(told.offsets[subject]), int(told.offsets[subject + 1]))
        assert told.item[rows].tolist() == [item - 1 for item in mine["item"]]
        paid = np.array(told.types)[told.type[rows] - 1] == "purchase"
        assert np.array_equal(told.value[rows] > 0, paid)
