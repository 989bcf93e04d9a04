"""Reads the groups of people and of items that were declared for a snapshot, where there are any.

They part figures and nothing else: no source, no text and no fusion is ever given them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from training.engine.arrays import F64, I64
from training.engine.failures import JobError
from training.engine.snapshot import EVENTS_FILE, Catalogue, frame_of, refuse_blanks

NAMES_FILE = "groups.json"
SUBJECTS_FILE = "subject_groups.parquet"
ITEMS_FILE = "item_groups.parquet"
GROUP_FILES = (NAMES_FILE, SUBJECTS_FILE, ITEMS_FILE)
NONE = -1  # the code of who or what belongs to no group


@dataclass(frozen=True)
class Kind:
    """One kind of groups: what they were declared by ("" where none were), and their names by
    code."""

    key: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Groups:
    """item: int64 [items], the code of each item of the catalogue or NONE. What a subject's events
    told of them, ordered by subject and time, a row where it changed: subject: int64 [rows], as in
    `Events`; since: float64 [rows], epoch seconds; code: int64 [rows].
    """

    subjects: Kind
    items: Kind
    item: I64
    subject: I64
    since: F64
    code: I64

    def of_subjects(self, subjects: I64, moment: float) -> I64:
        """What was last told of each before `moment`, int64 [subjects], NONE where nothing was."""
        early = self.since < moment
        last = np.full(int(max(subjects.max(initial=-1), self.subject.max(initial=-1))) + 1, NONE)
        # Of several rows of one subject the last one stays: they are ordered by time.
        last[self.subject[early]] = self.code[early]
        found: I64 = last[subjects]
        return found


def read_groups(folder: Path, files: dict[str, str], catalogue: Catalogue) -> Groups | None:
    """The groups of a job's snapshot; None where `files`, its files by name, hold none.

    Raises JobError bad_snapshot when the files do not fit each other.
    """
    if NAMES_FILE not in files:
        return None
    subjects, items = _kinds(folder / NAMES_FILE)
    told = _frame(folder / SUBJECTS_FILE, _SUBJECT_COLUMNS, len(subjects.names))
    listed = _frame(folder / ITEMS_FILE, _ITEM_COLUMNS, len(items.names))
    known = np.unique(frame_of(folder / EVENTS_FILE, {"subject": pl.Int64()})["subject"].to_numpy())
    item = np.full(len(catalogue), NONE)
    item[_positions(listed["item"], catalogue.items, ITEMS_FILE)] = listed["group"].to_numpy()
    subject = _positions(told["subject"], known, SUBJECTS_FILE)
    since = told["since"].to_physical().cast(pl.Float64).to_numpy() / 1e6
    order = np.lexsort((np.arange(len(subject)), since, subject))
    code = told["group"].to_numpy().astype(np.int64)
    return Groups(subjects, items, item, subject[order], since[order], code[order])


_SUBJECT_COLUMNS: dict[str, pl.DataType] = {
    "subject": pl.Int64(),
    "since": pl.Datetime("us", "UTC"),
    "group": pl.Int64(),
}
_ITEM_COLUMNS: dict[str, pl.DataType] = {"item": pl.Int64(), "group": pl.Int64()}


def _kinds(path: Path) -> tuple[Kind, Kind]:
    try:
        plain: dict[str, Any] = json.loads(path.read_text())
        subjects, items = (
            Kind(str(plain[kind]["key"]), tuple(map(str, plain[kind]["names"])))
            for kind in ("subjects", "items")
        )
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise _bad(path.name, f"cannot be read: {cause}") from cause
    return subjects, items


def _frame(path: Path, columns: dict[str, pl.DataType], names: int) -> pl.DataFrame:
    frame = frame_of(path, columns)
    refuse_blanks(frame, path.name)
    if not frame["group"].is_between(0, names - 1).all():
        raise _bad(path.name, f"names a group that {NAMES_FILE} does not hold")
    return frame


def _positions(numbers: pl.Series, known: I64, name: str) -> I64:
    """Where each number stands in the rising `known`."""
    place = np.searchsorted(known, numbers.to_numpy())
    if not np.isin(numbers.to_numpy(), known).all():
        raise _bad(name, "names a subject or an item that the snapshot does not hold")
    return place.astype(np.int64)


def _bad(name: str, fault: str) -> JobError:
    return JobError("bad_snapshot", f"{name} {fault}", name)
