"""One small trained bundle for a whole test session, given to a business as its version."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
from django.utils.timezone import now

from tests import shop
from training.jobs import artifacts
from training.jobs.models import Job, Snapshot, Version


def train(folder: Path, first_item: int = shop.FIRST_ITEM) -> Path:
    """Run the real engine on the shop; the artifact's folder. Items count from `first_item`."""
    prepare(folder, first_item)
    return run_prepared(folder)


def run_prepared(folder: Path) -> Path:
    """Run the engine, as a process of its own, on what `prepare` wrote; the artifact's folder."""
    subprocess.run([sys.executable, "-m", "training.engine.run", str(folder)], check=True)
    return folder / "artifact"


def prepare(folder: Path, first_item: int) -> None:
    """Write the engine's order and its data: the shop's purchases and items."""
    rows = pl.read_csv(shop.purchases())
    events = rows.select(
        pl.col("user_id").str.slice(8).cast(pl.Int64).alias("subject"),
        (pl.col("item_id").str.slice(5).cast(pl.Int64) + first_item).alias("item"),
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
            (pl.col("item_id").str.slice(5).cast(pl.Int64) + first_item).alias("item"),
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


def give_version(business, artifact: Path) -> Version:
    """A version of this bundle in the business's scope, evaluated and not yet approved."""
    manifest, digest, size = artifacts.put(business.tenant.id, artifact)
    with business.scope:
        snapshot = Snapshot.objects.create(
            purpose="model_training",
            policy_version="test",
            sha256=digest,
            events=1,
            subjects=1,
            items=shop.ITEMS,
        )
        job = Job.objects.create(
            base_model="tiny",
            state=Job.SUCCEEDED,
            snapshot=snapshot,
            actor_ref=business.actor.ref,
            finished_at=now(),
        )
        number = Version.objects.count() + 1
        return Version.objects.create(
            number=number,
            job=job,
            snapshot=snapshot,
            manifest=manifest,
            manifest_sha256=digest,
            bytes=size,
        )
