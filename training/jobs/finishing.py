"""The end of a job: its version, its approval under a standing one, or its failure."""

import shutil
from pathlib import Path
from typing import Any

from django.db.models import Max
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.queue import Lease
from training.jobs import artifacts
from training.jobs.gates import failed_gates
from training.jobs.models import Job, JobEvent, Publication, StandingApproval, Version
from training.jobs.services import approve_version, publish_version

ACTOR = system("trainer")
KEPT = ("events.parquet", "items.parquet", "job.json", "progress.jsonl", "engine.log")


def succeed(lease: Lease, folder: Path) -> None:
    """Store the bundle, make its version, publish it where that is approved beforehand."""
    manifest, digest, size = artifacts.put(lease.tenant_id, folder / "artifact")
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        version = _make_version(job, manifest, digest, size)
        _close(job, Job.SUCCEEDED, {})
        queue.finish(lease)
        _publish_if_approved(version)
    _tidy(folder)


def _tidy(folder: Path) -> None:
    """Keep what repeating the run needs (its data and its order); the rest has done its duty."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name not in KEPT:
            entry.unlink(missing_ok=True)


def fail(lease: Lease, code: str, params: dict[str, Any]) -> None:
    """Close the job with the reason; its rows tell what happened."""
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)
        job = Job.objects.select_for_update().get(pk=lease.object_id)
        _close(job, Job.FAILED, {"code": code, "params": params})
        queue.finish(lease, code=code)


def _make_version(job: Job, manifest: dict[str, Any], digest: bytes, size: int) -> Version:
    last = Version.objects.aggregate(n=Max("number"))["n"] or 0
    serving = Publication.objects.filter(task=job.task).first()
    version = Version.objects.create(
        number=last + 1,
        task=job.task,
        job=job,
        snapshot=job.snapshot,
        parent=serving.version if serving else None,
        manifest=manifest,
        manifest_sha256=digest,
        bytes=size,
    )
    served = next(s for s in manifest["sources"] if s["name"] == version.serves)
    record(
        AuditEvent.VERSION_EVALUATED,
        actor=ACTOR,
        object_id=version.public_id,
        object_version=str(version.number),
        details={
            "manifest_sha256": digest.hex(),
            "serves": version.serves,
            "ndcg10": str(((served.get("metrics") or {}).get("test") or {}).get("ndcg@10", "")),
        },
    )
    return version


def _close(job: Job, state: str, error: dict[str, Any]) -> None:
    job.state, job.error, job.finished_at = state, error, now()
    job.save(update_fields=["state", "error", "finished_at"])
    JobEvent.objects.create(
        job=job,
        level="info" if state == Job.SUCCEEDED else "error",
        code=f"job.{state}",
        params=error,
    )
    record(
        AuditEvent.JOB_FINISHED,
        actor=ACTOR,
        object_id=job.public_id,
        outcome="success" if state == Job.SUCCEEDED else "failure",
        details={"state": state, "code": error.get("code", ""), "attempts": job.attempts},
    )


def _publish_if_approved(version: Version) -> None:
    """A recorded standing approval publishes what passes every gate; the rest waits."""
    approval = StandingApproval.objects.filter(enabled=True).first()
    if approval is None or failed_gates(version):
        return
    approve_version(version_id=version.id, actor=ACTOR, reason=approval.reason, standing=True)
    publish_version(version_id=version.id, actor=ACTOR)
