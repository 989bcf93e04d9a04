"""How a run of a job ends: its version, its failure, its rest, or its place in the line again."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db.models import Max
from django.utils.timezone import now

from tenants.audit.actor import Actor, system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.isolation.scope import tenant_scope
from tenants.work import queue
from tenants.work.keeping import kept_alive
from tenants.work.queue import Lease
from training.engine.groups import GROUP_FILES
from training.jobs import artifacts, life
from training.jobs.cancelling import (
    destroy_bundle,
    destroy_cancelled,
    forget_reached,
    mark_destroyed,
)
from training.jobs.gates import NOT_APPLICABLE, PASS, judge_version, verdicts
from training.jobs.models import Job, StandingApproval, Version
from training.jobs.moves import move, tell
from training.jobs.queries import champion_of
from training.jobs.services import approve_version, publish_version
from training.jobs.tainting import taint_at_birth
from training.jobs.taints import fault_of

ACTOR = system("trainer")
# How soon a job that needs the shared store looks for it again.
STORE_BACK = timedelta(minutes=2)
KEPT = (
    "events.parquet", "items.parquet", "job.json", "record.json", "progress.jsonl", "engine.log",
    "tensorboard", *GROUP_FILES,
)  # fmt: skip


def succeed(lease: Lease, folder: Path) -> None:
    """Store the bundle, make its version, publish it where that is approved beforehand.

    A run that was asked to cancel and ended first is cancelled: nothing is made of it.
    """
    with tenant_scope(lease.tenant_id):
        queue.hold(lease)  # whoever lost the job stores nothing
    with kept_alive(lease):
        manifest, digest, size = artifacts.put(lease.tenant_id, folder / "artifact")
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        if job.state == life.CANCELLING:
            _cancel(lease, job)
        else:
            version = _make_version(job, manifest, digest, size)
            close(job, life.SUCCEEDED)
            queue.finish(lease)
            _publish_if_approved(version)
    if job.state == life.SUCCEEDED:
        _tidy(folder)
        forget_reached(job)
    else:
        destroy_bundle(lease.tenant_id, digest)
    destroy_cancelled(job)


def fail(lease: Lease, code: str, params: dict[str, Any]) -> None:
    """Close the job with the reason; its rows tell what happened."""
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        if job.state == life.CANCELLING:
            _cancel(lease, job)
        else:
            close(job, life.FAILED, {"code": code, "params": params})
            queue.finish(lease, code=code)
    forget_reached(job)
    destroy_cancelled(job)


def cancel(lease: Lease) -> None:
    """Close a job that was asked to cancel, and destroy what it held."""
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        _cancel(lease, job)
    destroy_cancelled(job)


def pause(lease: Lease) -> None:
    """Let a job rest that was asked to; its folder stays as it is."""
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        if job.state == life.CANCELLING:
            _cancel(lease, job)
        else:
            move(job, life.PAUSED)
            queue.finish(lease)
    destroy_cancelled(job)


def hold(lease: Lease, code: str) -> None:
    """Pause a job that cannot go on before somebody has acted; `code` says on what.

    It keeps what it has reached, and whoever has acted resumes it.
    """
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        if job.state == life.CANCELLING:
            _cancel(lease, job)
        else:
            move(job, life.PAUSED, {"code": code}, error={"code": code, "params": {}})
            tell(job, f"job.{code}", "error")
            queue.finish(lease)
    destroy_cancelled(job)


def requeue(lease: Lease, *, charge: bool, wait: timedelta = timedelta(0)) -> None:
    """Back into the line, to go on from the last checkpoint; what was asked meanwhile is done."""
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        if job.state == life.CANCELLING:
            _cancel(lease, job)
        elif job.state == life.PAUSING:
            move(job, life.PAUSED)
            queue.finish(lease)
        else:
            move(job, life.QUEUED)
            queue.give_back(lease, charge=charge, wait=wait)
    destroy_cancelled(job)


def wait_for_store(lease: Lease) -> None:
    """Back into the line for a while: the shared store is away, which is nobody's fault here."""
    with tenant_scope(lease.tenant_id):
        job = _held(lease)
        if job.state == life.RUNNING:
            tell(job, "job.store_unreachable", "warn")
    requeue(lease, charge=False, wait=STORE_BACK)


def _held(lease: Lease) -> Job:
    """The job, locked, behind a lease that nobody can take over before the transaction ends."""
    queue.hold(lease)
    return Job.objects.select_for_update().get(pk=lease.object_id)


def _cancel(lease: Lease, job: Job) -> None:
    mark_destroyed(job)
    close(job, life.CANCELLED, job.error)
    queue.finish(lease)


def _tidy(folder: Path) -> None:
    """Keep what repeating the run needs (its data and its order); the rest has done its duty."""
    for entry in folder.iterdir():
        if entry.name in KEPT:
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _make_version(job: Job, manifest: dict[str, Any], digest: bytes, size: int) -> Version:
    last = Version.objects.aggregate(n=Max("number"))["n"] or 0
    champion = champion_of(job.task)
    version = Version.objects.create(
        number=last + 1,
        task=job.task,
        job=job,
        snapshot=job.snapshot,
        parent=champion if champion and not champion.taint else None,
        manifest=manifest,
        manifest_sha256=digest,
        bytes=size,
    )
    version.gates = judge_version(version, champion)
    version.save(update_fields=["gates"])
    taint_at_birth(version)
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
            "gates": {line["gate"]: line["outcome"] for line in version.gates},
        },
    )
    return version


# How the audit log calls an end.
OUTCOMES = {life.SUCCEEDED: "success", life.CANCELLED: "success", life.FAILED: "failure"}


def close(job: Job, state: str, error: dict[str, Any] | None = None) -> None:
    """End a locked job, with its event and its entry in the audit log."""
    error = error or {}
    move(job, state, error, error=error, finished_at=now())
    record_end(job, ACTOR)


def record_end(job: Job, actor: Actor) -> None:
    """Inside the transaction that ended the job: its entry in the audit log."""
    record(
        AuditEvent.JOB_FINISHED,
        actor=actor,
        object_id=job.public_id,
        outcome=OUTCOMES[job.state],
        details={
            "state": job.state,
            "code": job.error.get("code", ""),
            "attempts": job.attempts,
        },
    )


def _publish_if_approved(version: Version) -> None:
    """A recorded standing approval publishes what passes every gate; the rest waits.

    "Not enough evidence" is no pass: whether that is enough is for a named person to say.
    """
    approval = StandingApproval.objects.filter(enabled=True).first()
    passed = all(line["outcome"] in (PASS, NOT_APPLICABLE) for line in verdicts(version))
    if approval is None or not passed or fault_of(version):
        return
    approve_version(version_id=version.id, actor=ACTOR, reason=approval.reason, standing=True)
    publish_version(version_id=version.id, actor=ACTOR)
