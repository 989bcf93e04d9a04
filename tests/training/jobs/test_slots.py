"""A worker of several slots runs as many jobs at once."""

from django.conf import settings
from django.utils.timezone import now

from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.owners import this_worker
from tests.connections import in_threads
from tests.training.jobs.test_supervisor import stand_in
from training.jobs import beginning, life, supervisor
from training.jobs.models import Device, Job

# Says that it runs, and ends once another one does at the same time.
TOGETHER = f"""
import pathlib, time
pathlib.Path(FOLDER, "ready").touch()
for _ in range(600):
    if len(list(pathlib.Path(FOLDER).parents[1].glob("*/*/ready"))) == 2:
        sys.exit({supervisor.CHECKPOINTED})
    time.sleep(0.05)
sys.exit(1)
"""


def test_two_slots_of_a_device_run_jobs_of_two_tenants_at_once(committed, monkeypatch, tmp_path):
    """What a worker of two threads does: each claims one job and watches its own engine."""
    monkeypatch.setattr(settings, "JOB_ROOT", tmp_path)

    def prepare(_, folder, *, lost) -> None:
        folder.mkdir(parents=True)
        (folder / "job.json").write_text("{}")

    monkeypatch.setattr(beginning, "_prepare", prepare)
    stand_in(monkeypatch, TOGETHER)
    Device.objects.create(
        worker="gpu@here", owner=this_worker(), host="here", device="cpu", slots=2,
        last_seen=now(),
    )  # fmt: skip
    jobs = {}
    for business in (committed("Alice"), committed("Bob")):
        with business.scope:
            job = Job.objects.create(base_model="tiny", actor_ref="x", state=life.QUEUED)
            queue.enqueue("job", tenant_id=business.tenant.id, object_id=job.id)
        jobs[business] = job

    def slot() -> None:
        supervisor.run(queue.claim("gpu"))

    try:
        in_threads([slot, slot])
        for business, job in jobs.items():
            with business.scope:
                job.refresh_from_db()
                assert (job.state, job.attempts, job.failures) == (life.QUEUED, 1, 0)
                assert (job.device, job.device_seconds > 0) == ("cpu", True)
            item = WorkItem.objects.get(tenant_id=business.tenant.id)
            assert (item.state, item.attempts) == (WorkItem.WAITING, 0)
    finally:
        Device.objects.filter(worker="gpu@here").delete()
