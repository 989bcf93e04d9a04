"""Reads job.json into a frozen Job and checks it against the files beside it. Knows no database."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.engine.failures import JobError
from training.engine.groups import GROUP_FILES
from training.engine.params import Value, read_params
from training.engine.sealed import sha256_of
from training.engine.snapshot import EVENTS_FILE, ITEMS_FILE

FORMAT = 1
JOB_FILE = "job.json"
DEFAULT_BASE = "all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Job:
    """What one run was asked to do. params: None where the data decide; files: sha256 by name;
    origin: where the order comes from, which is told on and never read;
    champion: the folder of the version that serves now, to be compared with, or None."""

    task: str
    base_model: str
    method: str
    seed: int
    device: str
    threads: int | None
    params: dict[str, Value | None]
    files: dict[str, str]
    origin: dict[str, Any] = field(default_factory=dict)
    champion: str | None = None

    @property
    def devices(self) -> int:
        """How many devices train together."""
        return int(self.params.get("devices") or 1)

    def number(self, name: str) -> float:
        """A parameter that is always decided, as a float."""
        value = self.params[name]
        if value is None:
            raise KeyError(f"{name} is left to the data")
        return float(value)

    def count(self, name: str) -> int:
        """A parameter that is always decided, as an int."""
        return int(self.number(name))


def read_job(folder: Path, *, tasks: tuple[str, ...], methods: tuple[str, ...]) -> Job:
    """The job in `folder`, its snapshot files checked against their hashes.

    Raises JobError: bad_job, unknown_param, bad_param, snapshot_damaged.
    """
    record = _record(folder / JOB_FILE)
    task = _one_of(record, "task", tasks, tasks[0])
    method = _one_of(record, "method", methods, methods[0])
    params = record.get("params", {})
    if not isinstance(params, dict):
        raise JobError("bad_job", "params must be an object of names and values", "params")
    return Job(
        task=task,
        base_model=str(record.get("base_model") or DEFAULT_BASE),
        method=method,
        seed=_whole(record, "seed", 0, low=0) or 0,
        device=_device(record),
        threads=_whole(record, "threads", None, low=1),
        params=read_params(params),
        files=_checked_files(folder, record),
        origin=dict(record.get("origin") or {}),
        champion=str(record["champion"]) if record.get("champion") else None,
    )


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as cause:
        raise JobError("bad_job", f"{path.name} cannot be read: {cause}", path.name) from cause
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise JobError("bad_job", f"{path.name} must be an object with format {FORMAT}", "format")
    return record


def _one_of(record: dict[str, Any], name: str, allowed: tuple[str, ...], usual: str) -> str:
    value = record.get(name, usual)
    if value not in allowed:
        raise JobError(
            "bad_job", f"{name} must be one of {', '.join(allowed)}; got {value!r}", name
        )
    return str(value)


def _whole(record: dict[str, Any], name: str, usual: int | None, *, low: int) -> int | None:
    value = record.get(name, usual)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value < 2**31:
        raise JobError("bad_job", f"{name} must be a whole number from {low}; got {value!r}", name)
    return value


def _device(record: dict[str, Any]) -> str:
    value = str(record.get("device", "auto"))
    prefix, _, index = value.partition(":")
    if value in ("auto", "cpu") or (prefix == "cuda" and index.isdigit()):
        return value
    raise JobError("bad_job", f"device must be auto, cpu or cuda:N; got {value!r}", "device")


def _checked_files(folder: Path, record: dict[str, Any]) -> dict[str, str]:
    stated = record.get("files")
    if not isinstance(stated, dict):
        raise JobError("bad_job", "files must name each snapshot file with its sha256", "files")
    names = (EVENTS_FILE, ITEMS_FILE, *(name for name in GROUP_FILES if name in stated))
    for name in names:
        path = folder / name
        if not path.is_file():
            raise JobError("snapshot_gone", f"{name} is gone; freeze the snapshot again", name)
        if sha256_of(path) != stated.get(name):
            raise JobError(
                "snapshot_damaged",
                f"{name} does not match the hash in {JOB_FILE}; freeze the snapshot again",
                name,
            )
    return {name: str(stated[name]) for name in names}
