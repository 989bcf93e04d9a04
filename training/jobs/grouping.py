"""The declared groups of a snapshot as files: a code for each item and for what a person's events
told, and the names of the codes. See `training.engine.groups`, which reads them.
"""

import json
from pathlib import Path
from typing import Any

import polars as pl

from training.engine.groups import GROUP_FILES, ITEMS_FILE, NAMES_FILE, SUBJECTS_FILE
from training.jobs.models import DeclaredGroups

# What has more different values than this is no group. Where data outgrow it the largest stay.
MOST_GROUPS = 100
NAME_LENGTH = 100


def label_params(keys: DeclaredGroups) -> dict[str, str | None]:
    """What the snapshot's queries need to read labels: null reads none."""
    return {
        "subjects": keys.subjects or None,
        "items": keys.items or None,
        "attribute": keys.items.partition(".")[2] or None,
    }


def write_groups(
    folder: Path, events: pl.DataFrame, items: pl.DataFrame, keys: DeclaredGroups
) -> tuple[str, ...]:
    """Write the files of what was declared; their names, none where nothing was.

    events: subject, occurred_at (epoch microseconds) and label, ordered by subject and time; items:
    item and label. A label is null where there is none.
    """
    if not (keys.subjects or keys.items):
        return ()
    people, things = _named(events), _named(items)
    names = {
        "subjects": {"key": keys.subjects, "names": people},
        "items": {"key": keys.items, "names": things},
    }
    (folder / NAMES_FILE).write_text(json.dumps(names, ensure_ascii=False, indent=1))
    told = _coded(events, people).filter(
        pl.col("group").ne_missing(pl.col("group").shift(1).over("subject"))
    )
    since = pl.col("occurred_at").cast(pl.Datetime("us", "UTC")).alias("since")
    _write(folder / SUBJECTS_FILE, told.select("subject", since, "group"))
    _write(folder / ITEMS_FILE, _coded(items, things).select("item", "group"))
    return GROUP_FILES


def _named(frame: pl.DataFrame) -> list[str]:
    """The labels of the frame in the order of their codes: the largest, by name."""
    sizes = frame.select(_label()).drop_nulls().group_by("label").len()
    largest = sizes.sort(["len", "label"], descending=[True, False]).head(MOST_GROUPS)
    names: list[str] = largest["label"].sort().to_list()
    return names


def _coded(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The rows that have one of these labels, with its code as `group`."""
    codes: dict[str, Any] = {name: code for code, name in enumerate(names)}
    group = _label().replace_strict(codes, default=None, return_dtype=pl.Int16).alias("group")
    return frame.with_columns(group).drop_nulls("group")


def _label() -> pl.Expr:
    return pl.col("label").str.slice(0, NAME_LENGTH)


def _write(path: Path, frame: pl.DataFrame) -> None:
    frame.write_parquet(path, compression="zstd")
