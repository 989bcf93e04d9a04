"""Runs a finished job once more from its record, in a folder of its own, and compares the outcome.

Nothing of the job or its version is changed. Equal weights are promised on a CPU for the same
inputs and the same number of threads; elsewhere the comparison says what differs.
"""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from tenants.errors import AppError, NotFound
from tenants.isolation.scope import tenant_scope
from training.engine.sealed import sha256_of
from training.jobs import carrying, child
from training.jobs.artifacts import read_manifest
from training.jobs.beginning import check_kept, folder_of
from training.jobs.models import Job, Version

# Manifest entries that the weights follow from, beside the data; nested ones are compared by entry.
INPUTS = (
    "task", "method", "seed", "asked", "params", "snapshot", "base_model", "tokenizer", "code",
    "commit", "versions", "device", "devices", "hardware", "bfloat16", "threads",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One entry of a comparison: what it was and what it is now."""

    name: str
    before: Any
    now: Any

    @property
    def equal(self) -> bool:
        return bool(self.before == self.now)


@dataclass(frozen=True)
class Repeat:
    """How a repeated run compares: hashes of the artifact's files, and the inputs."""

    job: str
    files: list[Line]
    inputs: list[Line]

    @property
    def equal(self) -> bool:
        return all(line.equal for line in self.files)

    @property
    def differing(self) -> list[str]:
        """Names of the inputs that are not what they were."""
        return [line.name for line in self.inputs if not line.equal]


def repeat_job(*, tenant_id: UUID, job_id: UUID) -> Repeat:
    """Train again on the kept snapshot as the record says, and compare; takes as long as the job.

    NotFound; AppError not_repeatable without a version or a record, snapshot_gone,
    snapshot_damaged, repeat_failed when the engine does not end well.
    """
    with tenant_scope(tenant_id):
        job, version = _kept(job_id)
        manifest = dict(version.manifest)
        order = _order(job, manifest)
    source = folder_of(tenant_id, job_id)
    carrying.bring(job, source)
    _check_data(job, source)
    with tempfile.TemporaryDirectory(prefix=f".{job_id}.repeat-", dir=source.parent) as name:
        again = _run(source, Path(name), order)
    return Repeat(job.public_id, compare_files(manifest, again), compare_inputs(manifest, again))


def _kept(job_id: UUID) -> tuple[Job, Version]:
    job = Job.objects.select_related("snapshot").filter(pk=job_id).first()
    if job is None:
        raise NotFound("job")
    version = Version.objects.filter(job=job).first()
    if version is None or "threads" not in version.manifest:
        raise AppError(
            "not_repeatable", "Only a job that made a version under a whole record can be repeated."
        )
    return job, version


def _order(job: Job, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the job was ordered as, with the device and the threads that it really had.

    Values that were "auto" stay so: they follow from the data again, and the comparison shows it.
    """
    return {
        "format": 1,
        "origin": manifest["origin"],
        "task": job.task,
        "base_model": job.base_model,
        "method": job.method,
        "seed": job.seed,
        "device": manifest["device"],
        "threads": manifest["threads"],
        "params": job.params,
        "files": manifest["snapshot"],
    }


def _check_data(job: Job, folder: Path) -> None:
    """AppError unless the snapshot that the record names is there, bit by bit."""
    if job.snapshot is None:
        raise AppError("snapshot_gone", "The frozen data of this job were deleted.")
    check_kept(job.snapshot, folder)
    for name, facts in job.snapshot.files.items():
        if sha256_of(folder / name) != facts["sha256"]:
            raise AppError("snapshot_damaged", f"{name} was altered since it was frozen.")


def _run(source: Path, folder: Path, order: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of a run of `order` in `folder`; AppError repeat_failed with the engine's text.

    Whatever ends this ends the engine.
    """
    for name in order["files"]:
        shutil.copyfile(source / name, folder / name)
    (folder / "job.json").write_text(json.dumps(order))
    with _ended(child.start(folder)) as process:
        status = process.wait()
    if status:
        error = folder / "error.json"
        told = json.loads(error.read_text())["message"] if error.exists() else f"status {status}"
        raise AppError("repeat_failed", f"The repeated run did not end well: {told}.")
    return read_manifest(folder / "artifact")[0]


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()


def compare_files(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Line]:
    """A line for each file of either artifact, with its sha256 or "" where it is missing."""
    hashes = [{n: f["sha256"] for n, f in manifest["files"].items()} for manifest in (before, now)]
    names = sorted({*hashes[0], *hashes[1]})
    return [Line(name, hashes[0].get(name, ""), hashes[1].get(name, "")) for name in names]


def compare_inputs(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Line]:
    """A line for each input, nested ones by their path: `versions.torch`.

    What was merely asked is left out where it was settled: the order names its device and threads.
    """
    flat = [dict(_flat(manifest)) for manifest in (before, now)]
    names = sorted({*flat[0], *flat[1]} - {"asked.device", "asked.threads"})
    return [Line(name, flat[0].get(name), flat[1].get(name)) for name in names]


def _flat(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    pending = [(name, manifest.get(name)) for name in INPUTS]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{name}.{key}", inner) for key, inner in value.items()]
        else:
            yield name, value
