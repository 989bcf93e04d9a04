"""Two machines and one store: a job goes on wherever a worker takes it up, and nowhere twice."""

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils.timezone import now

from recommend.bundles import BundleCache
from tenants.isolation import depot
from tenants.isolation.depot import StoreUnreachable
from tenants.metering.storage import stored_bytes
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests import shop
from tests.trained import give_version
from tests.training.jobs.machines import make_machines
from tests.training.jobs.test_job_life import STEPS, when_ready
from tests.training.jobs.test_supervisor import stand_in, start_job
from training.jobs import artifacts, carrying, life, supervisor, sweeping
from training.jobs.beginning import folder_of
from training.jobs.champion import champion_at_hand
from training.jobs.control import cancel_job, pause_job, resume_job
from training.jobs.machine_sweeping import sweep_machine
from training.jobs.models import Job, JobEvent, Snapshot, Version
from training.jobs.repeating import repeat_job
from training.jobs.sealed_archive import ArchiveDamaged, pack, unpack

SNAPSHOT = ("events.parquet", "items.parquet")
# Goes on from a checkpoint that holds these bytes, adds its own, and gives the job back.
GOES_ON = """
import os
at = os.path.join(FOLDER, 'checkpoint', 'state')
os.makedirs(os.path.dirname(at), exist_ok=True)
found = open(at).read() if os.path.exists(at) else ''
assert found == {found!r}, found
open(at, 'w').write(found + {adds!r})
sys.exit({status})
"""


@pytest.fixture
def machines(settings, tmp_path):
    return make_machines(settings, tmp_path, f"file://{tmp_path / 'store'}")


def look(business, job: Job) -> Job:
    with business.scope:
        return Job.objects.select_related("snapshot").get(pk=job.pk)


def folder(job: Job) -> Path:
    return folder_of(job.tenant_id, job.id)


def run_step(monkeypatch, found: str, adds: str, status: int = 75) -> None:
    """A run that finds this in the checkpoint, adds to it, and ends so."""
    stand_in(monkeypatch, GOES_ON.format(found=found, adds=adds, status=status))
    WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
    supervisor.run(queue.claim("gpu"))


def die(monkeypatch) -> None:
    """The machine goes down while it trains: no state is kept, the lease runs out."""
    with monkeypatch.context() as patch:
        gone = (_ for _ in ()).throw
        patch.setattr(supervisor, "_watch", lambda *_: gone(SystemExit))
        stand_in(patch, "sys.exit(1)")
        WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
        with pytest.raises(SystemExit):
            supervisor.run(queue.claim("gpu"))
    WorkItem.objects.filter(kind="job").update(state="waiting", lease_until=None)


def test_each_machine_goes_on_where_the_last_one_stopped(stocked, machines, monkeypatch):
    job = start_job(stocked)
    run_step(monkeypatch, "", "a1 ")
    events = (folder(job) / SNAPSHOT[0]).read_bytes()
    machines.on("b")
    run_step(monkeypatch, "a1 ", "b2 ")
    assert (folder(job) / SNAPSHOT[0]).read_bytes() == events
    machines.on("a")
    run_step(monkeypatch, "a1 b2 ", "a3 ")
    run_step(monkeypatch, "a1 b2 a3 ", "a4 ")
    states = [n for n in machines.files(stocked, "jobs", str(job.id)) if n.startswith("state")]
    assert states == ["state-00000004"]
    assert look(stocked, job).failures == 0


def test_a_job_paused_on_one_machine_is_resumed_on_another(stocked, machines, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, STEPS)
    when_ready(monkeypatch, stocked, job, pause_job)
    supervisor.run(queue.claim("gpu"))
    assert look(stocked, job).state == life.PAUSED
    machines.on("b")
    with stocked.scope:
        resume_job(job_id=job.id, actor=stocked.actor)
    stand_in(
        monkeypatch, "import os; assert open(FOLDER + '/checkpoint').read() == 'x'; sys.exit(75)"
    )
    supervisor.run(queue.claim("gpu"))
    assert (look(stocked, job).state, look(stocked, job).failures) == (life.QUEUED, 0)


def test_after_a_machine_died_another_begins_from_what_was_kept_before(
    stocked,
    machines,
    monkeypatch,
):
    job = start_job(stocked)
    die(monkeypatch)
    (folder(job) / "checkpoint").mkdir()
    (folder(job) / "checkpoint" / "state").write_text("lost ")
    data = (folder(job) / SNAPSHOT[0]).read_bytes()
    frozen = look(stocked, job).snapshot.public_id
    machines.on("b")
    run_step(monkeypatch, "", "b2 ")
    assert look(stocked, job).snapshot.public_id == frozen
    assert (folder(job) / SNAPSHOT[0]).read_bytes() == data
    die(monkeypatch)
    machines.on("c")
    run_step(monkeypatch, "b2 ", "c4 ")


def test_a_worker_that_lost_the_job_overwrites_nothing_of_the_next_one(
    stocked,
    machines,
    monkeypatch,
):
    job = start_job(stocked)
    stale = queue.claim("gpu")
    stand_in(monkeypatch, GOES_ON.format(found="", adds="old ", status=75))
    with monkeypatch.context() as patch:  # what it reached is still on its way
        patch.setattr(carrying, "store_state", lambda *_: None)
        supervisor.run(stale)
    old = folder(job)
    machines.on("b")
    run_step(monkeypatch, "", "new ")
    kept = machines.files(stocked, "jobs", str(job.id))
    with pytest.raises(queue.LeaseLost):
        carrying.store_state(stale, old)
    assert machines.files(stocked, "jobs", str(job.id)) == kept
    # Even one that looked at its lease a moment too early writes a name that counts no more.
    before = look(stocked, job)
    before.attempts = 1
    carrying._put(before, "state-00000001", old, carrying.REACHED)
    machines.on("c")
    run_step(monkeypatch, "new ", "c ")


def test_data_and_states_in_the_store_are_sealed_for_this_job_alone(
    stocked,
    machines,
    monkeypatch,
):
    job = start_job(stocked)
    run_step(monkeypatch, "", "secret words ")
    place = ("jobs", str(job.id))
    names = list(machines.files(stocked, *place))
    assert len(names) == 2
    for name in names:
        content = machines.read(stocked, *place, name)
        assert not any(word in content for word in (b"PAR1", b"secret words", b"job.json"))
    data = next(name for name in names if name.startswith("data"))
    machines.write(stocked, machines.read(stocked, *place, data)[:-1] + b"x", *place, data)
    machines.on("b")
    run_step(monkeypatch, "", "")
    failed = look(stocked, job)
    assert (failed.state, failed.error["code"]) == (life.FAILED, "snapshot_damaged")
    assert machines.local("b") == []


def test_a_damaged_state_is_left_out_and_the_job_begins_anew(stocked, machines, monkeypatch):
    job = start_job(stocked)
    run_step(monkeypatch, "", "a1 ")
    place = ("jobs", str(job.id), "state-00000001")
    machines.write(stocked, machines.read(stocked, *place)[:-40], *place)
    machines.on("b")
    run_step(monkeypatch, "", "b2 ")


def test_data_that_went_down_with_a_machine_before_it_trained_are_frozen_anew(
    stocked,
    machines,
    monkeypatch,
):
    job = start_job(stocked)
    away = StoreUnreachable("away")
    with monkeypatch.context() as patch:
        patch.setattr(depot, "upload", lambda *_: (_ for _ in ()).throw(away))
        run_step(patch, "", "never ")
    waits = look(stocked, job)
    assert (waits.state, waits.failures) == (life.QUEUED, 0)
    item = WorkItem.objects.get(kind="job")
    assert (item.attempts, item.run_at > now() + timedelta(seconds=60)) == (0, True)
    with stocked.scope:
        told = JobEvent.objects.filter(job=job).values_list("code", flat=True)
        assert "job.store_unreachable" in told
    machines.on("b")
    run_step(monkeypatch, "", "b2 ")
    with stocked.scope:
        old, new = Snapshot.objects.order_by("created_at")
        assert old.pk == waits.snapshot_id
        assert (old.destroyed_at is None, new.destroyed_at is None) == (False, True)
        assert look(stocked, job).snapshot_id == new.pk
    machines.on("a")  # what still lies there is not taken for the job's
    run_step(monkeypatch, "b2 ", "a3 ")


def test_a_cancelled_jobs_data_are_destroyed_on_every_machine(
    stocked,
    machines,
    monkeypatch,
    django_capture_on_commit_callbacks,
):
    job = start_job(stocked)
    run_step(monkeypatch, "", "a1 ")
    machines.on("b")
    run_step(monkeypatch, "a1 ", "b2 ")
    with django_capture_on_commit_callbacks(execute=True), stocked.scope:
        cancel_job(job_id=job.id, actor=stocked.actor)
    assert machines.files(stocked) == {}
    assert machines.local("b") == []
    machines.on("a")
    assert folder(job).exists()
    sweep_machine()
    assert not folder(job).exists()


def test_a_sweep_spares_what_is_kept_and_takes_what_was_destroyed_elsewhere(
    stocked,
    bob,
    artifact,
    machines,
    monkeypatch,
):
    job = start_job(stocked)
    run_step(monkeypatch, "", "a1 ")
    kept, gone = (give_version(stocked, artifact), give_version(bob, artifact))
    before = machines.local("a")
    sweep_machine()
    assert machines.local("a") == before
    depot.remove(bob.tenant.id)
    sweep_machine()
    assert not artifacts.path_of(bob.tenant.id, bytes(gone.manifest_sha256)).exists()
    assert artifacts.path_of(stocked.tenant.id, bytes(kept.manifest_sha256)).exists()
    assert folder(job).exists()
    with stocked.scope:  # as an erasure does
        Snapshot.objects.update(destroyed_at=now())
    sweeping.sweep_now(stocked.tenant.id)
    sweep_machine()
    assert not folder(job).exists()
    assert machines.files(stocked, "jobs") == {}
    left = machines.local("a")
    for root in ("bundles", "jobs"):  # of a tenant that was deleted meanwhile
        (machines.root / "a" / root / str(uuid4()) / "x").mkdir(parents=True)
    sweep_machine()
    assert machines.local("a") == left
    assert not list((machines.root / "a").glob("*/*/x"))


def test_what_nothing_refers_to_is_swept_from_the_store_after_a_day(
    alice, artifact, machines, monkeypatch
):
    told = give_version(alice, artifact)
    digest = "ab" * 32
    machines.write(alice, b"{}", "artifacts", bytes(told.manifest_sha256).hex(), "catalogue.json")
    (machines.root / "store" / str(alice.tenant.id) / "artifacts" / digest).mkdir()
    machines.write(alice, b"{}", "artifacts", digest, "half.json")
    sweeping.sweep_now(alice.tenant.id)
    assert machines.files(alice, "artifacts", digest) == {"half.json": 2}
    monkeypatch.setattr(sweeping, "UNTOLD", timedelta(0))
    sweeping.sweep_now(alice.tenant.id)
    assert machines.files(alice, "artifacts", digest) == {}
    with artifacts.reading(alice.tenant.id, bytes(told.manifest_sha256)):
        pass


def test_the_champion_is_brought_for_as_long_as_the_engine_compares(alice, artifact, machines):
    version = give_version(alice, artifact)
    there = artifacts.path_of(alice.tenant.id, bytes(version.manifest_sha256))
    job_folder = machines.on("b")
    job_folder.mkdir()
    (job_folder / "job.json").write_text(f'{{"champion": "{there}", "seed": 3}}')
    here = artifacts.path_of(alice.tenant.id, bytes(version.manifest_sha256))
    assert here != there and not here.exists()
    with champion_at_hand(alice.tenant.id, job_folder):
        assert (here / "manifest.json").exists()
        assert str(here) in (job_folder / "job.json").read_text()
    depot.remove(alice.tenant.id)
    shutil.rmtree(here)
    with champion_at_hand(alice.tenant.id, job_folder):  # the engine says that it found none
        assert not here.exists()


def test_storage_counts_the_store_and_no_copies(alice, artifact, machines):
    version = give_version(alice, artifact)
    machines.on("b")
    with artifacts.reading(alice.tenant.id, bytes(version.manifest_sha256)):
        assert stored_bytes(alice.tenant.id) == version.bytes
    machines.settings.ARTIFACT_STORE = "nosuchscheme://bucket"
    assert stored_bytes(alice.tenant.id) == 0


def test_an_archive_gives_out_only_what_belongs_in_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "record.json").write_text("{}")
    (tmp_path / "in" / "odd.txt").write_text("?")
    how = {"key": b"k" * 32, "context": b"one"}
    pack(tmp_path / "sealed", tmp_path / "in", ("record.json", "odd.txt", "missing"), **how)
    out = tmp_path / "out"
    with pytest.raises(ArchiveDamaged, match=r"^odd\.txt: "):
        unpack(tmp_path / "sealed", out, ("record.json",), **how)
    assert not (out / "odd.txt").exists()
    with pytest.raises(ArchiveDamaged):
        unpack(tmp_path / "sealed", out, ("record.json",), key=b"k" * 32, context=b"two")
    (tmp_path / "sealed").write_bytes(b"")
    with pytest.raises(ArchiveDamaged):
        unpack(tmp_path / "sealed", out, ("record.json",), **how)


def test_one_machine_trains_and_another_serves_and_repeats(
    stocked,
    machines,
    settings,
    tmp_path,
):
    settings.BASE_MODELS = [shop.tiny_base_model(tmp_path / "tiny")]
    quick = {**shop.QUICK, "batch_size": 256}
    job = start_job(stocked, base_model=settings.BASE_MODELS[0], params=quick)
    run_waiting("gpu")
    assert look(stocked, job).state == life.SUCCEEDED, look(stocked, job).error
    with stocked.scope:
        version = Version.objects.get(job=job)
    names = machines.files(stocked, "jobs", str(job.id))
    assert [name.partition("-")[0] for name in names] == ["data"]
    machines.on("b")
    bundle = BundleCache().get(stocked.tenant.id, bytes(version.manifest_sha256))
    assert bundle.manifest == version.manifest
    repeated = repeat_job(tenant_id=stocked.tenant.id, job_id=job.id)
    assert repeated.equal, [line for line in repeated.files if not line.equal]
    assert repeated.differing == []
