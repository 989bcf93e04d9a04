"""A made-up shop as a job folder for the engine, and a tiny random base model. No network, no
Django.

Subjects buy weekly, mostly their own favourites again; the seed fixes every row.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from tests.tiny_base import LETTERS, Shape, write_base

SUBJECTS, ITEMS, WEEKS = 50, 24, 16
START = datetime(2026, 1, 5, tzinfo=UTC)
WORDS = ["red", "blue", "small", "large", "tea", "cup", "lamp", "bag", "clock", "card"]
QUICK = {
    "dim": 8,
    "heads": 1,
    "sequence_length": 8,
    "epochs": 2,
    "batch_size": 32,
    "finetune_epochs": 1,
    "lora_rank": 2,
    "lora_layers": 1,
}


def title(item: int) -> str:
    return f"{WORDS[item % 10]} {WORDS[item // 3 % 10]} {WORDS[item // 7 % 10]}"


def purchases(subjects: int = SUBJECTS, weeks: int = WEEKS) -> list[dict[str, Any]]:
    """Event rows; items are numbered from 101."""
    chance = random.Random(3)
    rows = []
    for subject in range(subjects):
        favourites = chance.sample(range(ITEMS), 3)
        for week in range(weeks):
            for item in sorted({chance.choice(favourites), chance.randrange(ITEMS)}):
                moment = START + timedelta(weeks=week, hours=chance.randrange(24 * 6))
                rows.append(
                    {
                        "subject": 1000 + subject,
                        "item": 101 + item,
                        "type": "purchase",
                        "occurred_at": moment,
                        "weight": 1.0,
                        "value": 2.5,
                        "quantity": 1.0,
                    }
                )
    return rows


def items(titles: list[str] | None = None) -> list[dict[str, Any]]:
    names = titles or [title(item) for item in range(ITEMS)]
    return [
        {
            "item": 101 + index,
            "title": name,
            "text": "",
            "category": None,
            "price": 1.0 + index,
            "first_seen_at": None,
        }
        for index, name in enumerate(names)
    ]


def write_job(
    folder: Path,
    *,
    base: str,
    events: list[dict[str, Any]] | None = None,
    catalogue: list[dict[str, Any]] | None = None,
    **order: Any,
) -> Path:
    """A job folder with the engine's own file formats."""
    folder.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(purchases() if events is None else events, infer_schema_length=None)
    frame.with_columns(
        pl.col("occurred_at").cast(pl.Datetime("us", "UTC")),
        pl.col("weight", "value", "quantity").cast(pl.Float32),
    ).write_parquet(folder / "events.parquet")
    pl.DataFrame(
        items() if catalogue is None else catalogue,
        schema={
            "item": pl.Int64,
            "title": pl.String,
            "text": pl.String,
            "category": pl.String,
            "price": pl.Float32,
            "first_seen_at": pl.Datetime("us", "UTC"),
        },
    ).write_parquet(folder / "items.parquet")
    names = ("events.parquet", "items.parquet")
    job = {
        "format": 1,
        "task": "recommendation",
        "base_model": base,
        "method": "lora",
        "seed": 5,
        "device": "cpu",
        "threads": 1,
        "params": QUICK,
        "files": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
        **order,
    }
    (folder / "job.json").write_text(json.dumps(job))
    return folder


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """The engine as it runs in production: a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "training.engine.run", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "stderr.txt").open("ab"),
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "artifact" / "manifest.json").read_text()))


def weight_hashes(folder: Path) -> dict[str, str]:
    return {name: facts["sha256"] for name, facts in manifest(folder)["files"].items()}


def make_base(folder: Path) -> str:
    """A random three-layer BERT that knows the shop's words and single letters; its path."""
    return write_base(folder, [*WORDS, *LETTERS], Shape(width=16, layers=3, longest=32))
