"""What a run was made with: hash of the engine's own code and versions of what it stands on."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path

from training.engine.job import Job

_PACKAGES = ("torch", "transformers", "peft", "numpy", "scipy", "polars", "safetensors")


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


def fingerprint(job: Job, device: str) -> str:
    """What a checkpoint belongs to: another job, code or version must not go on from it."""
    facts = {"job": vars(job), "code": code_hash(), "versions": versions(), "device": device}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
