"""The driver of `make prove-jobs`: orders jobs, cancels some, has others killed, and asks in the
end what became of each (`jobs_verdict.py`).
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import InterfaceError, OperationalError, connection  # noqa: E402

from tenants.behaviour.arriving.accepting import accept_upload  # noqa: E402
from tenants.behaviour.models import Upload  # noqa: E402
from tenants.errors import AppError  # noqa: E402
from tests import shop, stocked  # noqa: E402
from tests.bench.jobs_kills import Killer, engines, planned  # noqa: E402
from tests.bench.jobs_verdict import verdict  # noqa: E402
from tests.business import Business, make_business  # noqa: E402
from training.jobs import life  # noqa: E402
from training.jobs.control import cancel_job, create_job  # noqa: E402
from training.jobs.models import Job  # noqa: E402

Value = TypeVar("Value")
CANCELLED = "to cancel"
PATIENCE, SLOW = 60.0, 5.0  # seconds: a cancel is waited for, and is told of with its events
UNTIL = 6.0  # seconds of its engine's life, at most, until such a job is cancelled
# One to two seconds of training in some thirty steps, behind a start that takes longer.
PARAMS = {**shop.QUICK, "batch_size": 32, "finetune_epochs": 2}


@dataclass
class Run:
    """What the driver knows of one run. seconds: device-seconds by tenant when all of them had a
    job waiting for the last time; due: when a job that is to be cancelled will be; cancels: seconds
    until it was."""

    shops: list[Business]
    killer: Killer
    wanted: dict[Any, list[str]]
    chance: random.Random
    due: dict[Any, float] = field(default_factory=dict)
    cancels: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Jobs that were ordered or will be."""
        return sum(len(jobs_of(each)) for each in self.shops) + sum(map(len, self.wanted.values()))


def patiently(ask: Callable[[], Value]) -> Value:
    """Ask again while the database is away."""
    for _ in range(600):
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            time.sleep(0.2)
    raise SystemExit("the database did not come back")


def open_shops(number: int) -> list[Business]:
    """Tenants with the shop's consents and purchases, processed by the product's own worker."""
    shops = [make_business(f"Shop{place}") for place in range(number)]
    for kind, content in ((Upload.CONSENTS, shop.consents()), (Upload.EVENTS, shop.purchases())):
        for business in shops:
            if kind == Upload.CONSENTS:
                stocked.archive(business)
            with business.scope:
                accept_upload(kind=kind, name="file.csv", chunks=[content], actor=business.actor)
        while not all(map(is_processed, shops)):
            time.sleep(0.1)
    return shops


def is_processed(business: Business) -> bool:
    with business.scope:
        return not Upload.objects.exclude(state=Upload.DONE).exists()


def order(business: Business, name: str) -> Job | None:
    """A job of the shop, or None while the plan lets it wait for others."""
    base = settings.BASE_MODELS[0]
    try:
        with business.scope:
            return create_job(
                actor=business.actor, base_model=base, params=PARAMS, name=name, seed=1
            )
    except AppError:
        return None


def order_more(run: Run) -> None:
    for business in run.shops:
        names = run.wanted[business.tenant.id]
        if names and order(business, names[0]):
            names.pop(0)


def cancel_one(run: Run) -> None:
    """Cancel a job that was ordered for that at a random moment of its engine's life; time it."""
    for path in engines().values():
        business = next(each for each in run.shops if str(each.tenant.id) in str(path))
        with business.scope:
            job = Job.objects.filter(pk=path.name, state=life.RUNNING, name=CANCELLED).first()
            if job is None:
                continue
            due = run.due.setdefault(job.pk, time.monotonic() + run.chance.uniform(0.0, UNTIL))
            begun = time.monotonic()
            if begun < due:
                continue
            cancel_job(job_id=job.id, actor=business.actor)
        while not patiently(lambda b=business, j=job: has_ended(b, j)):  # type: ignore[misc]
            if time.monotonic() - begun > PATIENCE:
                break
            time.sleep(0.02)
        note_cancel(run, business, job, time.monotonic() - begun)


def has_ended(business: Business, job: Job) -> bool:
    with business.scope:
        job.refresh_from_db()
    return job.state in life.ENDED


def note_cancel(run: Run, business: Business, job: Job, took: float) -> None:
    """A slow one tells what happened, and so does one that ended otherwise: that is no cancel."""
    run.cancels.append(took if job.state == life.CANCELLED else PATIENCE)
    if run.cancels[-1] > SLOW:
        with business.scope:
            told = list(job.events.order_by("id").values_list("at", "code"))
        print(
            f"slow to cancel, {took:.1f} s: {[(f'{at:%X}', code) for at, code in told]}", flush=True
        )


def note_seconds(run: Run) -> None:
    """What each tenant used, as long as every one has something that waits for its turn."""
    jobs = {each.tenant.name: jobs_of(each) for each in run.shops}
    if all(any(job.state == life.QUEUED for job in theirs) for theirs in jobs.values()):
        run.seconds = {
            name: sum(job.device_seconds for job in theirs) for name, theirs in jobs.items()
        }


def ended(run: Run) -> float:
    """Share of all jobs that have ended."""
    return sum(len(jobs_of(each, life.ENDED)) for each in run.shops) / run.total


def jobs_of(business: Business, states: tuple[str, ...] = life.STATES) -> list[Job]:
    with business.scope:
        return list(Job.objects.filter(state__in=states).order_by("id"))


def work(run: Run, seconds: float) -> None:
    """Order, cancel and kill until everything has ended or the time is over."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        patiently(lambda: order_more(run))
        patiently(lambda: cancel_one(run))
        patiently(lambda: note_seconds(run))
        share = patiently(lambda: ended(run))
        if share == 1.0:
            return
        run.killer.look(share)
        time.sleep(0.25)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("tenants", "jobs", "cancels", "kills", "slots", "seed"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--seconds", type=float)
    options = parser.parse_args()
    begun = time.monotonic()
    shops = open_shops(options.tenants)
    print(f"{options.tenants} tenants after {time.monotonic() - begun:.0f} s", flush=True)
    names = {each.tenant.id: [f"job {n}" for n in range(options.jobs)] for each in shops}
    for number in range(options.cancels):
        names[shops[number % len(shops)].tenant.id].insert(1, CANCELLED)
    chance = random.Random(options.seed)
    plan = planned(chance, options.kills, sum(map(len, names.values())), options.slots)
    killer = Killer(plan, chance)
    print(f"seed {options.seed}, plan {[target for _, target in plan]}", flush=True)
    run = Run(shops, killer, names, chance)
    asked = run.total
    work(run, options.seconds)
    jobs = patiently(lambda: [(each, job) for each in shops for job in jobs_of(each)])
    result = verdict(jobs, asked, run.cancels, run.seconds)
    killed = {"killed": killer.killed, "seed": options.seed}
    print(json.dumps(result | killed | {"seconds": round(time.monotonic() - begun)}))


if __name__ == "__main__":
    main()
