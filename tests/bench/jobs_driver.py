"""The driver of `make prove-jobs`: orders jobs, kills at random, and asks what became of each."""

import argparse
import json
import math
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import InterfaceError, OperationalError, connection  # noqa: E402

from tenants.audit.verify import verify_chain  # noqa: E402
from tenants.behaviour.models import Item, Upload  # noqa: E402
from tenants.behaviour.services import accept_upload  # noqa: E402
from tenants.errors import AppError  # noqa: E402
from tests import shop, stocked  # noqa: E402
from tests.conftest import Business, make_business  # noqa: E402
from training.engine.loop import _SAVE_EVERY  # noqa: E402
from training.engine.tensors import open_tensors  # noqa: E402
from training.jobs import artifacts, life  # noqa: E402
from training.jobs.beginning import folder_of  # noqa: E402
from training.jobs.control import cancel_job, create_job  # noqa: E402
from training.jobs.models import Job, JobEvent, Version  # noqa: E402

Value = TypeVar("Value")
# What is killed -> how its command line is known.
TARGETS = {
    "engine": "training.engine.run",
    "gpu worker": "celery -A attune worker -Q gpu",
    "default worker": "celery -A attune worker -Q default",
    "redis": "redis-server",
    "postgres": "bin/postgres",
}


@dataclass
class Run:
    """What the driver knows of one run."""

    chance: random.Random
    shops: list[Business] = field(default_factory=list)
    killed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TARGETS, 0))
    cancelled: dict[Any, float] = field(default_factory=dict)
    spread: float | None = None


def patiently(ask: Callable[[], Value]) -> Value:
    """Ask again while the database is away."""
    for _ in range(240):
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.5)
    raise SystemExit("the database did not come back")


def open_shop(number: int) -> Business:
    """A tenant with the shop's consents and purchases, processed by the product's own worker."""
    business = make_business(f"Shop{number}")
    stocked.archive(business)
    for kind, content in ((Upload.CONSENTS, shop.consents()), (Upload.EVENTS, shop.purchases())):
        with business.scope:
            accept_upload(kind=kind, name="file.csv", chunks=[content], actor=business.actor)
        while not _processed(business):
            time.sleep(0.2)
    return business


def _processed(business: Business) -> bool:
    with business.scope:
        return not Upload.objects.exclude(state=Upload.DONE).exists()


def order(business: Business, name: str) -> Job | None:
    """A job of the shop, or None while the plan lets it wait for others."""
    base = settings.BASE_MODELS[0]
    try:
        with business.scope:
            return create_job(
                actor=business.actor, base_model=base, params=shop.QUICK, name=name, seed=1
            )
    except AppError:
        return None


def kill_one(run: Run) -> None:
    """SIGKILL to one target of this product that is there at the moment."""
    var = os.environ["ATTUNE_VAR"]
    found: dict[str, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            context = (entry / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if var in words or var in context:
            for name, pattern in TARGETS.items():
                if pattern in words and "launcher" not in words:
                    found.setdefault(name, []).append(int(entry.name))
    if not found:
        return
    # The engine more often than the rest: it is what jobs are made of.
    name = run.chance.choice([*found, *(["engine"] if "engine" in found else [])])
    for pid in found[name]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    run.killed[name] += 1
    print(f"killed: {name}", flush=True)


def cancel_one(run: Run) -> None:
    """Cancel a running job that was ordered to be cancelled, and time it."""
    for business in run.shops:
        with business.scope:
            job = Job.objects.filter(state=life.RUNNING, name="to cancel").first()
            ready = job and "fraction" in job.progress
            if job and ready and job.id not in run.cancelled:
                cancel_job(job_id=job.id, actor=business.actor)
                run.cancelled[job.id] = time.monotonic()
            else:
                continue
        begun = time.monotonic()
        while time.monotonic() - begun < 60:
            with business.scope:
                if Job.objects.get(pk=job.id).state == life.CANCELLED:
                    break
            time.sleep(0.02)
        run.cancelled[job.id] = time.monotonic() - begun
        return


def work(run: Run, options: argparse.Namespace) -> None:
    """Order, kill and cancel until everything has ended or the time is over."""
    wanted = {
        business.tenant.id: [f"job {n}" for n in range(options.jobs)] for business in run.shops
    }
    for number in range(options.cancels):
        wanted[run.shops[number % len(run.shops)].tenant.id].insert(1, "to cancel")
    begun = time.monotonic()
    kills = sorted(run.chance.uniform(3, options.seconds * 0.5) for _ in range(options.kills))
    while time.monotonic() - begun < options.seconds:
        for business in run.shops:
            names = wanted[business.tenant.id]
            if names and patiently(lambda b=business, n=names[0]: order(b, n)):  # type: ignore[misc]
                names.pop(0)
        patiently(lambda: cancel_one(run))
        if kills and time.monotonic() - begun > kills[0]:
            kills.pop(0)
            kill_one(run)
        patiently(lambda: note_spread(run, wanted))
        if not any(wanted.values()) and patiently(lambda: all_ended(run)):
            return
        time.sleep(0.3)


def all_ended(run: Run) -> bool:
    return all(len(jobs_of(each)) == len(jobs_of(each, life.ENDED)) for each in run.shops)


def jobs_of(business: Business, states: tuple[str, ...] = life.STATES) -> list[Job]:
    with business.scope:
        return list(Job.objects.filter(state__in=states).order_by("id"))


def note_spread(run: Run, wanted: dict[Any, list[str]]) -> None:
    """The spread of device-seconds as long as every tenant still has something waiting."""
    waiting = [bool(wanted[each.tenant.id] or jobs_of(each, life.WAITING)) for each in run.shops]
    if all(waiting):
        seconds = [sum(job.device_seconds for job in jobs_of(each)) for each in run.shops]
        if min(seconds) > 0:
            run.spread = (max(seconds) - min(seconds)) / (sum(seconds) / len(seconds))


def repeated(business: Business, job: Job) -> int:
    """How often a run went back further than what is saved in between two checkpoints."""
    path = folder_of(business.tenant.id, job.id) / "progress.jsonl"
    times = 0
    reached: dict[tuple[int, int], float] = {}
    last = 0.0
    for raw in path.read_text().splitlines() if path.exists() else ():
        try:
            line = json.loads(raw)
        except ValueError:
            continue
        if "stage_index" not in line or not line.get("step"):
            continue
        at = datetime.fromisoformat(line["at"]).timestamp()
        key = (line["stage_index"], line["step"])
        if key in reached and last - reached[key] > _SAVE_EVERY + 1:
            times += 1
        reached.setdefault(key, at)
        last = at
    return times


def verdict(run: Run, options: argparse.Namespace) -> dict[str, Any]:
    """The figures, from what the database and the files say now."""
    jobs = [(business, job) for business in run.shops for job in jobs_of(business)]
    lost = [job for _, job in jobs if job.state not in (life.SUCCEEDED, life.CANCELLED)]
    twice = foreign = again = 0
    for business, job in jobs:
        with business.scope:
            ended = JobEvent.objects.filter(job=job, code="job.succeeded").count()
            versions = list(Version.objects.filter(job=job))
            own = set(Item.objects.values_list("id", flat=True))
        twice += ended > 1 or len(versions) > 1
        again += repeated(business, job)
        for version in versions:
            digest = bytes(version.manifest_sha256)
            tensors = open_tensors(
                artifacts.path_of(business.tenant.id, digest) / "catalogue.safetensors"
            )
            foreign += not set(tensors["items"].tolist()) <= own
    cancels = sorted(run.cancelled.values())
    return {
        "jobs": len(jobs),
        "lost": len(lost) + options.jobs * options.tenants + options.cancels - len(jobs),
        "run_twice": twice,
        "wrong_tenant": foreign,
        "repeated_steps_over_one_interval": again,
        "cancel_p95_s": round(cancels[math.ceil(len(cancels) * 0.95) - 1], 2) if cancels else None,
        "fairness_spread": round(run.spread, 3) if run.spread is not None else None,
        "audit_verifies": all(verified(business) for business in run.shops),
        "cancelled": len(cancels),
        "attempts": sum(job.attempts for _, job in jobs),
        "killed": run.killed,
        "seed": options.seed,
    }


def verified(business: Business) -> bool:
    with business.scope:
        return verify_chain().ok


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("tenants", "jobs", "cancels", "kills", "seed"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    begun = time.monotonic()
    run = Run(random.Random(options.seed))
    run.shops = [open_shop(number) for number in range(options.tenants)]
    print(f"{options.tenants} tenants after {time.monotonic() - begun:.0f} s", flush=True)
    work(run, options)
    print(json.dumps(verdict(run, options)))


if __name__ == "__main__":
    main()
