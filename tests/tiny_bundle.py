"""`python -m tests.tiny_bundle FOLDER`: the real engine on the shop, in a process of its own.

Knows no database; torch is imported once, for the base model and for the training.
"""

import hashlib
import json
import sys
from pathlib import Path

import polars as pl

from tests import shop
from training.engine import run


def main(folder: Path) -> int:
    """Train in `folder`, which must not exist; the engine's exit code."""
    prepare(folder)
    return run.main([str(folder)])


def prepare(folder: Path) -> None:
    """Write the engine's order and its data: the shop's purchases and items from FIRST_ITEM on."""
    rows = pl.read_csv(shop.purchases())
    events = rows.select(
        pl.col("user_id").str.slice(8).cast(pl.Int64).alias("subject"),
        (pl.col("item_id").str.slice(5).cast(pl.Int64) + shop.FIRST_ITEM).alias("item"),
        pl.col("type"),
        pl.col("occurred_at").str.to_datetime(time_unit="us", time_zone="UTC"),
        pl.lit(1.0, pl.Float32).alias("weight"),
        pl.col("price").cast(pl.Float32).alias("value"),
        pl.col("quantity").cast(pl.Float32),
    ).sort("subject", "occurred_at")
    items = (
        rows.group_by("item_id")
        .agg(pl.col("item_title").first())
        .select(
            (pl.col("item_id").str.slice(5).cast(pl.Int64) + shop.FIRST_ITEM).alias("item"),
            pl.col("item_title").alias("title"),
            pl.lit("").alias("text"),
            pl.lit(None, pl.String).alias("category"),
            pl.lit(None, pl.Float32).alias("price"),
            pl.lit(None, pl.Datetime("us", "UTC")).alias("first_seen_at"),
        )
        .sort("item")
    )
    folder.mkdir(parents=True)
    events.write_parquet(folder / "events.parquet")
    items.write_parquet(folder / "items.parquet")
    files = ("events.parquet", "items.parquet")
    order = {
        "format": 1,
        "task": "recommendation",
        "base_model": shop.tiny_base_model(folder / "base"),
        "method": "lora",
        "seed": 1,
        "device": "cpu",
        "threads": 1,
        "params": shop.QUICK,
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files},
    }
    (folder / "job.json").write_text(json.dumps(order))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
