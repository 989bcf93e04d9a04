"""One small trained bundle for a whole test session, given to a business as its version."""

import subprocess
import sys
from pathlib import Path

from django.utils.timezone import now
from safetensors.numpy import load_file

from tests import shop
from training.engine.sealed import read_sealed, write_sealed
from training.jobs import artifacts, life
from training.jobs.models import Job, Snapshot, Version

CATALOGUE = "catalogue.safetensors"


def train(folder: Path) -> Path:
    """Run the real engine on the shop; the artifact's folder. Items count from FIRST_ITEM."""
    words = [sys.executable, "-m", "tests.tiny_bundle", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "artifact"


def renumbered(artifact: Path, target: Path, first_item: int) -> Path:
    """The same bundle for another tenant, whose items count from `first_item`; its folder."""
    manifest = read_sealed(artifact)
    files = {name: load_file(artifact / name) for name in manifest["files"]}
    files[CATALOGUE]["items"] += first_item - shop.FIRST_ITEM
    write_sealed(target, files, manifest)
    return target


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
            state=life.SUCCEEDED,
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
