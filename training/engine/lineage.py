"""The record of a run: everything that is needed to repeat it. Written into the job's folder when
the run starts, and into the manifest of what it makes.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from training.engine.job import Job
from training.engine.text import Base

RECORD_FILE = "record.json"
_ROOT = Path(__file__).parents[2]
_DRIVER = Path("/proc/driver/nvidia/version")
_PACKAGES = (
    "torch", "transformers", "tokenizers", "peft", "numpy", "scipy", "polars", "pyarrow",
    "safetensors", "accelerate",
)  # fmt: skip
# Told, but no reason to throw a checkpoint away: they change no weight by themselves, or the run
# would have to start again on every other machine.
_TOLD_ONLY = ("origin", "commit", "hardware")


def make_record(job: Job, base: Base, device: torch.device, *, fast: bool) -> dict[str, Any]:
    """What this run is made of and made with. `asked` is the order's own; what "auto" came to
    is known at the end and stands in the manifest as `params`."""
    return {
        "task": job.task,
        "method": job.method,
        "seed": job.seed,
        "asked": {"params": job.params, "device": job.device, "threads": job.threads},
        "snapshot": job.files,
        "origin": job.origin,
        "base_model": {"name": base.name, "revision": base.revision, "files": base.files},
        "tokenizer": base.tokenizer_hash,
        "versions": versions(),
        "code": code_hash(),
        "commit": _commit(),
        "device": str(device),
        "devices": job.devices,
        "hardware": _hardware(device),
        "bfloat16": fast,
        "threads": torch.get_num_threads(),
    }


def code_hash() -> str:
    """Sha256 over the paths and bytes of every source file of the engine."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape the weights."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def fingerprint(record: Mapping[str, Any]) -> str:
    """What a checkpoint belongs to: a run with another record must not go on from it."""
    return seal_of({name: value for name, value in record.items() if name not in _TOLD_ONLY})


def seal_of(record: Mapping[str, Any]) -> str:
    """Sha256 of a record, the same however its keys are ordered."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Seal the record beside the job's order; of several attempts the last one's stays."""
    temporary = folder / f".{RECORD_FILE}"
    text = json.dumps({"sha256": seal_of(record), "record": record}, indent=1, ensure_ascii=False)
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / RECORD_FILE)


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of the folder's last attempt; None when there is none or its seal is broken."""
    try:
        sealed = json.loads((folder / RECORD_FILE).read_text())
        record = dict(sealed["record"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if seal_of(record) == sealed.get("sha256") else None


def _commit() -> str:
    """The commit of the working copy that this code lies in; "" where it is installed without."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return ""
    words = [git, "-C", str(_ROOT), "rev-parse", "HEAD"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)  # nosec B603 # words of our own
    return found.stdout.strip() if found.returncode == 0 else ""


def _hardware(device: torch.device) -> dict[str, str]:
    """What computes: another processor may round otherwise."""
    told = {"machine": platform.machine(), "cpu": torch.backends.cpu.get_cpu_capability()}
    if device.type == "cuda":
        told |= {
            "gpu": torch.cuda.get_device_name(device),
            "cuda": str(torch.version.cuda),
            "driver": _DRIVER.read_text().splitlines()[0] if _DRIVER.exists() else "",
        }
    return told
