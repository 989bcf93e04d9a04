"""The supervisor: what the end of the engine means for the job, whoever was killed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.utils.timezone import now

from dashboard.wording.errors import error_text
from tenants.accounts.life import resume_tenant, suspend_tenant
from tenants.accounts.plans import limits_of
from tenants.audit.actor import system
from tenants.errors import AppError
from tenants.metering.queries import used
from tenants.metering.record import count
from tenants.work import queue
from tenants.work.models import WorkItem, WorkShare
from tenants.work.run import run_waiting
from tests import shop
from training.jobs import child, life, supervisor
from training.jobs.control import create_job
from training.jobs.freezing import freeze
from training.jobs.models import Job, JobEvent, Snapshot, SnapshotSubject, Version
from training.jobs.progress import ProgressReader


def start_job(business, **how) -> Job:
    with business.scope:
        job = create_job(actor=business.actor, **how)
    run_waiting("default")
    return job


def stand_in(monkeypatch, script: str) -> None:
    """Put a few lines of Python in the engine's place; FOLDER is its folder."""
    program = f"import sys; FOLDER = sys.argv[1]\n{script}"

    def start(folder):
        return subprocess.Popen(
            [sys.executable, "-c", program, str(folder)], start_new_session=True
        )

    monkeypatch.setattr(supervisor, "_start", start)
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.05)


def test_a_job_without_enough_consented_data_fails_with_the_reason(alice):
    job = start_job(alice)
    with alice.scope:
        job.refresh_from_db()
        assert (job.state, job.error["code"]) == (life.FAILED, "too_little_data")
        assert job.error["params"]["events"] == 0
    assert WorkItem.objects.get(kind="job_check").state == WorkItem.FAILED
    assert not WorkItem.objects.filter(kind="job").exists()


def test_a_bad_parameter_is_refused_before_there_is_a_job(stocked):
    with pytest.raises(AppError) as refused:
        start_job(stocked, params={"epochs": -3})
    assert (refused.value.code, refused.value.param) == ("bad_param", "epochs")
    with stocked.scope:
        assert not Job.objects.exists()
    assert not WorkItem.objects.filter(kind__startswith="job").exists()


def test_what_the_engine_refuses_fails_the_job_with_the_engines_own_code(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(
        monkeypatch,
        """open(FOLDER + '/error.json', 'w').write('{"code": "bad_job", "message": "Why."}')
sys.exit(2)""",
    )
    run_waiting("gpu")
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.error) == (
            life.FAILED,
            {"code": "bad_job", "params": {"message": "Why."}},
        )


def test_a_killed_engine_is_charged_and_started_again(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, "import os; os.kill(os.getpid(), 9)")
    supervisor.run(queue.claim("gpu"))
    item = WorkItem.objects.get(kind="job")
    assert (item.state, item.attempts) == (WorkItem.WAITING, 1)
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == life.QUEUED
        assert JobEvent.objects.filter(code="engine.died", params__status=-9).count() == 1


def test_an_engine_that_dies_at_the_same_place_three_times_is_poison(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, "sys.exit(1)")
    for _ in range(3):
        WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
        run_waiting("gpu")
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.error["code"]) == (life.FAILED, "poisoned")
        assert not Version.objects.exists()


def test_an_engine_that_gets_further_each_time_is_given_another_chance(stocked, monkeypatch):
    job = start_job(stocked)
    for step in range(1, 6):
        line = f'{{"fraction": {step / 10}}}'
        stand_in(
            monkeypatch,
            f"open(FOLDER + '/progress.jsonl', 'a').write('{line}\\n'); sys.exit(1)",
        )
        WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
        supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.failures, job.failed_fraction) == (life.QUEUED, 1, 0.5)


def test_a_worker_that_goes_down_again_and_again_does_not_count_against_the_job(
    stocked, monkeypatch
):
    job = start_job(stocked)
    monkeypatch.setattr(supervisor, "_watch", lambda *_: (_ for _ in ()).throw(SystemExit))
    stand_in(monkeypatch, "sys.exit(1)")
    for _ in range(6):
        WorkItem.objects.filter(kind="job").update(state="waiting", run_at="2020-01-01T00:00:00Z")
        with pytest.raises(SystemExit):
            supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.failures) == (life.RUNNING, 0)


def test_a_checkpointed_engine_costs_no_attempt(stocked, monkeypatch):
    start_job(stocked)
    stand_in(monkeypatch, f"sys.exit({supervisor.CHECKPOINTED})")
    supervisor.run(queue.claim("gpu"))
    item = WorkItem.objects.get(kind="job")
    assert (item.state, item.attempts) == (WorkItem.WAITING, 0)


def test_a_supervisor_that_lost_its_lease_stops_its_engine_and_writes_nothing(stocked, monkeypatch):
    start_job(stocked)
    stand_in(monkeypatch, "import time; time.sleep(60)")
    monkeypatch.setattr(supervisor, "RENEW_SECONDS", 0.0)
    started = []
    original = supervisor._start
    monkeypatch.setattr(
        supervisor, "_start", lambda folder: started.append(original(folder)) or started[0]
    )
    lease = queue.claim("gpu")
    watch = supervisor._watch

    def lose(*args):
        WorkItem.objects.filter(pk=lease.item_id).update(lease_token=lease.token + 1)
        return watch(*args)

    monkeypatch.setattr(supervisor, "_watch", lose)
    with pytest.raises(queue.LeaseLost):
        supervisor.run(lease)
    assert started[0].poll() is not None
    with stocked.scope:
        assert not Version.objects.exists()


# Checkpoints when it is asked to stop, as the engine does.
OBEDIENT = f"""
import pathlib, signal, time
def stop(*_):
    pathlib.Path(FOLDER, "checkpoint").write_text("kept")
    open(FOLDER + "/progress.jsonl", "a").write('{{"fraction": 0.5}}\\n')
    sys.exit({supervisor.CHECKPOINTED})
signal.signal(signal.SIGTERM, stop)
pathlib.Path(FOLDER, "ready").touch()
time.sleep(60)
"""


def at_renewal(monkeypatch, act) -> None:
    """Let `act` happen once, when the engine runs and its lease is renewed."""
    monkeypatch.setattr(supervisor, "RENEW_SECONDS", 0.0)
    renew, acts = queue.renew, [act]

    def renewed(lease) -> None:
        renew(lease)
        if acts and (supervisor.folder_of(lease.tenant_id, lease.object_id) / "ready").exists():
            acts.pop()()

    monkeypatch.setattr(queue, "renew", renewed)


def test_a_suspended_tenants_job_checkpoints_waits_uncharged_and_goes_on(stocked, monkeypatch):
    job = start_job(stocked)
    tenant_id = stocked.tenant.id
    stand_in(monkeypatch, OBEDIENT)
    at_renewal(
        monkeypatch,
        lambda: suspend_tenant(tenant_id=tenant_id, reason="Unpaid.", actor=system("operator")),
    )
    run_waiting("gpu")
    item = WorkItem.objects.get(kind="job")
    assert (item.state, item.attempts) == (WorkItem.WAITING, 0)
    assert item.run_at > now()
    folder = supervisor.folder_of(tenant_id, job.id)
    assert (folder / "checkpoint").read_text() == "kept"
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.failures, job.progress) == (life.QUEUED, 0, {"fraction": 0.5})
        assert used(["device_seconds"])["device_seconds"] > 0
    resume_tenant(tenant_id=tenant_id, actor=system("operator"))
    WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
    stand_in(monkeypatch, "import os; assert os.path.exists(FOLDER + '/checkpoint'); sys.exit(75)")
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.attempts, job.failures) == (life.QUEUED, 2, 0)


def test_the_seconds_in_which_data_are_frozen_count_as_the_tenants(stocked, monkeypatch):
    """It holds the device by then, and others wait: who brings much data has to pay for it."""
    job = start_job(stocked)
    stand_in(monkeypatch, f"sys.exit({supervisor.CHECKPOINTED})")
    begin = supervisor.begin
    monkeypatch.setattr(supervisor, "begin", lambda *of: (time.sleep(1.5), begin(*of))[1])
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        job.refresh_from_db()
        assert job.device_seconds > 1.5
        assert used(["device_seconds"])["device_seconds"] == pytest.approx(job.device_seconds)
    share = WorkShare.objects.get(tenant_id=stocked.tenant.id)
    assert share.served == pytest.approx(job.device_seconds)


def test_a_job_that_uses_the_month_up_is_ended_and_says_so(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, OBEDIENT)

    def use_up() -> None:
        with stocked.scope:
            count("device_seconds", limits_of("standard", {}).device_seconds_per_month)

    at_renewal(monkeypatch, use_up)
    run_waiting("gpu")
    item = WorkItem.objects.get(kind="job")
    assert (item.state, item.code) == (WorkItem.FAILED, "quota_exceeded")
    with stocked.scope:
        job.refresh_from_db()
        assert (job.state, job.error["code"]) == (life.FAILED, "quota_exceeded")
        assert not Version.objects.exists()
    assert (supervisor.folder_of(stocked.tenant.id, job.id) / "checkpoint").exists()
    said = str(error_text(job.error["code"], job.error["params"]))
    assert said.startswith("What you may use in a month is used up. It begins anew on 20")


def test_a_hung_engine_is_found_and_killed(stocked, monkeypatch):
    start_job(stocked)
    stand_in(monkeypatch, "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)")
    monkeypatch.setattr(supervisor, "HANG_SECONDS", 0.2)
    monkeypatch.setattr(supervisor, "GRACE_SECONDS", 0.2)
    supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        assert JobEvent.objects.filter(params__status=supervisor.HUNG).count() == 1


def test_a_snapshot_holds_consented_events_alone_and_names_the_record(stocked, tmp_path):
    from tenants.consent.models import ConsentRecord

    with stocked.scope:
        snapshot = freeze(tmp_path / "frozen", actor=stocked.actor)
        rows = SnapshotSubject.objects.filter(snapshot=snapshot)
        assert snapshot.subjects == rows.count() == shop.SUBJECTS
        assert snapshot.excluded == {}
        assert sum(rows.values_list("events", flat=True)) == snapshot.events
        relied_on = ConsentRecord.objects.filter(
            id__in=rows.values("consent_record_id"), purpose="model_training", event="given"
        )
        assert relied_on.count() == shop.SUBJECTS


def test_whoever_withdraws_is_in_no_later_snapshot(stocked, tmp_path):
    from django.test import Client

    Client().post(
        "/v1/consents",
        {"user_id": shop.user(3), "purpose": "model_training", "event": "withdrawn"},
        content_type="application/json",
        headers=stocked.headers,
    )
    with stocked.scope:
        snapshot = freeze(tmp_path / "frozen", actor=stocked.actor)
        assert snapshot.subjects == shop.SUBJECTS - 1
        assert set(snapshot.excluded) == {"withdrawn"}
        assert Snapshot.objects.count() == 1


def test_a_second_engine_does_not_start_in_a_folder_that_is_occupied(tmp_path):
    import fcntl

    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = subprocess.run(
        [sys.executable, "-m", child.__name__, str(tmp_path), str(os.getpid())], check=False
    )
    assert done.returncode == child.OCCUPIED


def test_the_engine_is_stopped_when_its_supervisor_is_killed(tmp_path):
    """A middleman plays the supervisor; its child must get SIGTERM when it dies."""
    (tmp_path / "job.json").write_text("{}")
    middleman = (
        "import os, subprocess, sys, time\n"
        "code = 'import sys, time; sys.path.insert(0, \".\"); from training.jobs import child;'\n"
        "code += 'child.os.execv = lambda *a: time.sleep(60); '\n"
        "code += 'from pathlib import Path; child.main(Path(sys.argv[1]), int(sys.argv[2]))'\n"
        "p = subprocess.Popen([sys.executable, '-c', code, sys.argv[1], str(os.getpid())],\n"
        "                     start_new_session=True)\n"
        "print(p.pid, flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", middleman, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    grandchild = int(process.stdout.readline())
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert _gone(grandchild)


def _gone(pid: int, seconds: float = 5.0) -> bool:
    """Whether the process ends in time; one that nobody waits for may stay as a zombie."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_half_a_line_of_progress_is_read_once_it_is_whole(tmp_path):
    path = tmp_path / "progress.jsonl"
    reader = ProgressReader(path)
    assert reader.read() == []
    path.write_text('{"fraction": 0.1}\n{"frac')
    assert reader.read() == [{"fraction": 0.1}]
    with path.open("a") as file:
        file.write('tion": 0.2}\nnot json\n')
    assert reader.read() == [{"fraction": 0.2}]


def test_the_first_training_starts_by_itself_only_under_a_standing_approval(stocked):
    from training.jobs.services import set_standing_approval

    run_waiting("default")
    with stocked.scope:
        assert not Job.objects.exists()
        set_standing_approval(enabled=True, reason="We trust the gates.", actor=stocked.actor)
        queue.enqueue("first_training", tenant_id=stocked.tenant.id, object_id=stocked.tenant.id)
    run_waiting("default")
    with stocked.scope:
        assert Job.objects.get().trigger == "first_data"


def test_a_base_that_the_installation_does_not_allow_is_refused(alice, tmp_path):
    """A path of a tenant's choice would show what lies on the machine."""
    base = shop.tiny_base_model(tmp_path / "base")
    for name in (base, "/etc", "../..", "all-MiniLM-L6-v2/"):
        with pytest.raises(AppError) as refused, alice.scope:
            create_job(actor=alice.actor, base_model=name)
        assert (refused.value.code, refused.value.param) == ("base_model_not_allowed", "base_model")
    with alice.scope:
        assert Job.objects.count() == 0
