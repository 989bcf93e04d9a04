"""`make prove-repeat`: is a job repeated from its record, or killed midway, the same to the bit?

Two jobs of a small shop go the product's own way (upload, consent, snapshot, supervisor, engine)
on the same data, each on one core; the second is killed with SIGKILL at stage after stage. Behind
the first, `manage.py repeat_job` repeats it where all cores are allowed. Ends with one JSON object.
QUICK=1: a tiny base, and one kill; else the packaged base.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

from tests.bench.stage import on_stage

QUICK = bool(os.environ.get("QUICK"))
KILLS = ("finetune",) if QUICK else ("encode", "sequence", "finetune", "evaluate")
SMALL = {} if QUICK else {"epochs": 3, "finetune_epochs": 2}
PATIENCE = 600.0  # seconds


def main() -> int:
    from django.conf import settings
    from django.core.management import call_command

    from tenants.accounts.life import set_limits
    from tenants.audit.actor import system
    from tests import shop
    from tests.business import make_business
    from tests.stocked import stock

    with (
        tempfile.TemporaryDirectory(prefix="attune-base-") as folder,
        ThreadPoolExecutor(1) as pool,
    ):
        if QUICK:
            settings.BASE_MODELS = [shop.tiny_base_model(Path(folder) / "tiny")]
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        business = make_business("Alice")
        stock(business, range(shop.SUBJECTS))
        with business.scope:
            set_limits(plan="large", actor=system("operator"))  # it may run two jobs at once
        first, second = order(business), order(business)
        cores = sorted(os.sched_getaffinity(0))
        killing = pool.submit(train, business, second, KILLS, cores[-1])
        train(business, first, (), cores[0])
        repeated = repeat_on(cores, first)
        killed = killing.result()
    result = judge(business, first, second, repeated)
    result |= {"killed_at": killed, "cores_at_repeat": len(cores)}
    print(json.dumps(result))
    return 0 if result["repeat_equal"] and result["resume_equal"] and killed else 1


def order(business: Any) -> Any:
    """A job of the shop that waits for its turn."""
    from django.conf import settings

    from tenants.work.run import run_waiting
    from tests import shop
    from training.jobs.control import create_job

    params = {**shop.QUICK, **SMALL}
    with business.scope:
        job = create_job(
            actor=business.actor, base_model=settings.BASE_MODELS[0], params=params, seed=7
        )
    run_waiting("default")
    return job


def train(business: Any, job: Any, stages: tuple[str, ...], core: int) -> list[str]:
    """Work on one core until the job has ended; the `stages` in which its engine was killed, once
    in each. What this thread takes up may be the other thread's job as well."""
    from tenants.work import queue
    from tenants.work.models import WorkItem
    from tenants.work.run import run_one
    from training.jobs import life

    os.sched_setaffinity(0, {core})  # of this thread and the engines that it starts
    killed: list[str] = []
    ended = False
    killer = Thread(target=kill_at, args=(job, stages, killed, lambda: ended))
    killer.start()
    deadline = time.monotonic() + PATIENCE
    try:
        while job.state not in life.ENDED and time.monotonic() < deadline:
            WorkItem.objects.filter(state=WorkItem.WAITING).update(run_at="2020-01-01T00:00:00Z")
            if lease := queue.claim("gpu"):
                run_one(lease)
            else:
                time.sleep(0.1)
            with business.scope:
                job.refresh_from_db()
    finally:
        ended = True
        killer.join()
    if job.state != life.SUCCEEDED:
        raise SystemExit(f"the job ended as {job.state}: {job.error}")
    return killed


def kill_at(
    job: Any, stages: tuple[str, ...], killed: list[str], ended: Callable[[], bool]
) -> None:
    """SIGKILL to the job's engine as soon as it has entered each of the stages, one by one."""
    from training.jobs.beginning import folder_of

    folder = folder_of(job.tenant_id, job.id)
    path = folder / "progress.jsonl"
    for stage in stages:
        while not (path.exists() and f'"stage": "{stage}"' in path.read_text()):
            if ended():
                return
            time.sleep(0.02)
        for pid in engines(folder):
            os.kill(pid, signal.SIGKILL)
            killed.append(stage)


def engines(folder: Path) -> list[int]:
    """The engines that run in this folder."""
    words = ["-m", "training.engine.run", str(folder)]
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if line[1:4] == words:
                found.append(int(entry.name))
    return found


def repeat_on(cores: Sequence[int], job: Any) -> dict[str, Any]:
    """What `manage.py repeat_job` says last; the job is found in its tenant by itself."""
    from django.core.management import CommandError, call_command

    os.sched_setaffinity(0, cores)
    said = StringIO()
    try:
        call_command("repeat_job", job.public_id, stdout=said)
    except CommandError as error:
        print(error, file=sys.stderr)
    print(said.getvalue())
    return dict(json.loads(said.getvalue().splitlines()[-1]))


def judge(business: Any, first: Any, second: Any, repeated: dict[str, Any]) -> dict[str, Any]:
    from training.jobs.models import JobEvent, Version

    with business.scope:
        one, two = (Version.objects.get(job=job).manifest for job in (first, second))
        deaths = JobEvent.objects.filter(job=second, code="engine.died").count()
    return {
        "repeat_equal": repeated["equal"],
        "resume_equal": one["files"] == two["files"],
        "snapshots_equal": one["snapshot"] == two["snapshot"],
        "inputs_that_differ": sorted(repeated["inputs_that_differ"]),
        "files": len(one["files"]),
        "threads": one["threads"],
        "deaths": deaths,
        "base": one["base_model"]["name"],
    }


if __name__ == "__main__":
    on_stage(main)
