"""One whole engine run on the demo shop's raw file: figures of every source, seconds, memory,
latency.

`python tests/bench/engine_quality.py [FOLDER]` prints a table and ends with one line of JSON.
Cleaning is the plain one: no cancellations, no rows without customer, positive amounts, product
codes only.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import polars as pl

from training.engine.bundle import Bundle, History
from training.engine.snapshot import read_snapshot

RAW = Path(__file__).parents[2] / "platform" / "demo" / "data" / "online_retail_II.parquet"
SEED = 7
ASKED = 300  # recommendations that are timed


def write_job(folder: Path) -> None:
    """The job folder of the demo shop."""
    rows = pl.read_parquet(RAW).filter(
        ~pl.col("InvoiceNo").str.starts_with("C"),
        pl.col("CustomerID").is_not_null(),
        pl.col("Quantity") > 0,
        pl.col("UnitPrice") > 0,
        pl.col("StockCode").str.contains(r"^\d{5}"),
    )
    codes = rows["StockCode"].unique().sort()
    number = {code: index + 1 for index, code in enumerate(codes)}
    moment = pl.col("InvoiceDate").dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
    item = pl.col("StockCode").replace_strict(number, return_dtype=pl.Int64).alias("item")
    rows.select(
        pl.col("CustomerID").cast(pl.Int64).alias("subject"),
        item,
        pl.lit("purchase").alias("type"),
        moment.alias("occurred_at"),
        pl.lit(1.0, pl.Float32).alias("weight"),
        (pl.col("Quantity") * pl.col("UnitPrice")).cast(pl.Float32).alias("value"),
        pl.col("Quantity").cast(pl.Float32).alias("quantity"),
    ).write_parquet(folder / "events.parquet")
    rows.group_by("StockCode").agg(
        pl.col("Description").drop_nulls().mode().sort().first().alias("title"),
        pl.col("UnitPrice").median().cast(pl.Float32).alias("price"),
        moment.min().alias("first_seen_at"),
    ).select(
        item,
        "title",
        pl.lit("").alias("text"),
        pl.lit(None, pl.String).alias("category"),
        "price",
        "first_seen_at",
    ).sort("item").write_parquet(folder / "items.parquet")
    names = ("events.parquet", "items.parquet")
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    job = {"format": 1, "task": "recommendation", "seed": SEED, "params": {}, "files": files}
    (folder / "job.json").write_text(json.dumps(job))


def latency(folder: Path) -> dict[str, float]:
    """Milliseconds of CPU for ten recommendations, median and 95th percentile."""
    bundle = Bundle.load(folder / "artifact")
    snapshot = read_snapshot(folder)
    events, draws = snapshot.events, np.random.default_rng(SEED)
    now, spent = float(events.time.max()) + 60.0, []
    for subject in draws.integers(0, events.subjects, ASKED):
        past = events.past(int(subject), int(events.offsets[subject + 1]), bundle.history_limit)
        history = History(
            items=bundle.items[past.item],
            times=past.time,
            weights=past.weight,
            types=["purchase"] * len(past),
            values=np.zeros(len(past), np.float32),
        )
        started = time.process_time()
        bundle.recommend(history, now=now, limit=10)
        spent.append(1000.0 * (time.process_time() - started))
    p50, p95 = np.quantile(spent, [0.5, 0.95])
    return {"recommend_p50_ms": round(float(p50), 2), "recommend_p95_ms": round(float(p95), 2)}


def table(manifest: dict[str, Any]) -> None:
    """Every source with its figures, and what the served choice has over it on test."""
    for source in manifest["sources"]:
        if "skipped" in source:
            print(f"{source['name']:20} skipped: {source['skipped']}")
            continue
        validation, test = (source["metrics"][window] for window in ("validation", "test"))
        lead = source["served_minus_this"].get("test", "serves")
        print(
            f"{source['name']:20} valid {validation['ndcg@10']:.4f}  test {test['ndcg@10']:.4f}"
            f" r@20 {test['recall@20']:.4f} cov {test['coverage@10']:.3f}  {lead}"
        )


def measure(folder: Path) -> None:
    """Run the engine in `folder` and print what came of it."""
    write_job(folder)
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "training.engine.run", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - started
    manifest = json.loads((folder / "artifact" / "manifest.json").read_text())
    table(manifest)
    figures = {
        source["name"]: source["metrics"]["test"]["ndcg@10"]
        for source in manifest["sources"]
        if "metrics" in source
    }
    print(
        json.dumps(
            {
                "train_seconds": round(seconds, 1),
                "peak_memory_mb": manifest["peak_rss_mb"],
                "serves": manifest["serves"],
                "test_ndcg10": figures,
                "timings": manifest["timings"],
                **latency(folder),
            }
        )
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            measure(Path(temporary))
