"""Each way a run can fail for want of something: its code, what is kept, and how it goes on."""

import json
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.utils.timezone import now

from dashboard.wording.errors import ERRORS, error_text
from dashboard.wording.models import JOB_EVENTS, said
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.training.engine import engine_shop
from tests.training.jobs.test_supervisor import stand_in, start_job
from training.engine import run as engine
from training.engine.checkpoint import Checkpoints
from training.engine.failures import is_disk_full, is_out_of_memory
from training.engine.sealed import sha256_of
from training.jobs import artifacts, life, memory, supervisor
from training.jobs.beginning import folder_of
from training.jobs.control import resume_job
from training.jobs.models import Job, JobEvent, Snapshot

ROOT = Path(__file__).parents[3]


def look(business, job: Job) -> Job:
    with business.scope:
        return Job.objects.get(pk=job.pk)


def codes(business, job: Job) -> list[str]:
    with business.scope:
        return list(JobEvent.objects.filter(job=job).order_by("id").values_list("code", flat=True))


def again(times: int = 1) -> None:
    """Let the worker take the job up at once, so many times."""
    for _ in range(times):
        WorkItem.objects.filter(kind="job").update(run_at="2020-01-01T00:00:00Z")
        run_waiting("gpu")


def child(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True
    )


# Writes two checkpoints; the disk takes the first.
FILLS = """
import resource, sys
from pathlib import Path
import numpy as np
from training.engine import run
from training.engine.checkpoint import Checkpoints

def work(folder):
    kept = Checkpoints(folder / "checkpoint", "one")
    kept.save("loop", {"w": np.arange(10.0)}, {"step": 1})
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    kept.save("loop", {"w": np.zeros(100_000)}, {"step": 2})

run._work = work
sys.exit(run.main([sys.argv[1]]))
"""


def test_a_checkpoint_that_the_disk_does_not_take_ends_the_run_and_keeps_the_one_before(tmp_path):
    done = child(FILLS, str(tmp_path))
    assert done.returncode == engine.DISK_FULL == supervisor.DISK_FULL, done.stderr
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["loop.00000001"]
    saved = Checkpoints(tmp_path / "checkpoint", "one").load("loop")
    assert saved and saved.facts == {"step": 1}
    assert not (tmp_path / "error.json").exists()


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(28, "No space left on device"), True),
        (OSError(122, "Disk quota exceeded"), True),
        (OSError(27, "File too large"), True),
        (OSError(13, "Permission denied"), False),
        (RuntimeError("I/O error: No space left on device (os error 28)"), True),
        (shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")]), True),
        (RuntimeError("I/O error: Permission denied (os error 13)"), False),
        (ValueError("28"), False),
    ],
)
def test_a_full_disk_is_known_by_the_systems_number(error, full):
    assert is_disk_full(error) is full


def test_a_job_rests_on_a_full_disk_and_goes_on_once_somebody_made_room(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, "open(FOLDER + '/checkpoint', 'w').close(); sys.exit(76)")
    run_waiting("gpu")
    held = look(stocked, job)
    assert (held.state, held.error) == (life.PAUSED, {"code": "disk_full", "params": {}})
    assert held.failures == 0
    assert codes(stocked, job)[-2:] == ["job.paused", "job.disk_full"]
    assert not WorkItem.objects.filter(kind="job", state=WorkItem.WAITING).exists()
    assert "then resume it" in error_text("disk_full", {})
    with stocked.scope:
        resume_job(job_id=job.id, actor=stocked.actor)
    stand_in(monkeypatch, "import os; assert os.path.exists(FOLDER + '/checkpoint'); sys.exit(75)")
    supervisor.run(queue.claim("gpu"))
    assert (look(stocked, job).state, look(stocked, job).error) == (life.QUEUED, {})


def test_a_disk_that_is_full_when_the_result_is_stored_holds_the_job_too(
    stocked,
    monkeypatch,
    tmp_path,
):
    job = start_job(stocked)
    stand_in(monkeypatch, "sys.exit(0)")
    made = tmp_path / "made"
    made.mkdir()
    (made / "w.json").write_bytes(b"0" * 300_000)
    facts = {"sha256": sha256_of(made / "w.json"), "bytes": 300_000}
    (made / "manifest.json").write_text(json.dumps({"files": {"w.json": facts}}))
    put = artifacts.put
    monkeypatch.setattr(artifacts, "put", lambda tenant_id, _: put(tenant_id, made))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        run_waiting("gpu")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert look(stocked, job).state == life.PAUSED
    assert look(stocked, job).error["code"] == "disk_full"
    store = artifacts.path_of(stocked.tenant.id, b"x").parent
    assert list(store.iterdir()) == []


def test_a_full_disk_does_not_undo_a_cancel(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, "sys.exit(76)")
    conclude = supervisor._conclude

    def cancelled_meanwhile(*words) -> None:
        with stocked.scope:
            Job.objects.filter(pk=job.pk).update(state=life.CANCELLING)
        conclude(*words)

    monkeypatch.setattr(supervisor, "_conclude", cancelled_meanwhile)
    run_waiting("gpu")
    assert look(stocked, job).state == life.CANCELLED


# Asks for more memory than its limit, as numpy and torch do.
GREEDY = """
import resource, sys
from training.engine import run
if sys.argv[2] == "torch":
    import torch
    take = lambda: torch.zeros(10**15)
else:
    import numpy as np
    take = lambda: np.ones(10**15)
run._work = lambda folder: take()
sys.exit(run.main([sys.argv[1]]))
"""


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_memory_that_is_refused_ends_the_run_with_its_own_status(tmp_path, library):
    done = child(GREEDY, str(tmp_path), library)
    assert done.returncode == engine.OUT_OF_MEMORY == supervisor.OUT_OF_MEMORY, done.stderr


def test_only_words_of_memory_are_taken_for_it():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def check_starved(business, job: Job) -> None:
    ended = look(business, job)
    assert (ended.state, ended.error["code"]) == (life.FAILED, "out_of_memory")
    assert codes(business, job).count("engine.out_of_memory") == supervisor.POISON
    assert "smaller batch_size" in error_text("out_of_memory", ended.error["params"])


def test_a_job_that_wants_too_much_memory_three_times_fails_and_says_what_to_do(
    stocked,
    monkeypatch,
):
    job = start_job(stocked)
    stand_in(monkeypatch, "sys.exit(77)")
    again(3)
    check_starved(stocked, job)


KILLED = """
import os
line = '{"fraction": 0.4, "stage": "sequence", "rss_mb": RSS}\\n'
open(FOLDER + '/progress.jsonl', 'a').write(line)
os.kill(os.getpid(), 9)
"""


def test_an_engine_that_was_killed_holding_nearly_all_memory_ran_out_of_it(stocked, monkeypatch):
    job = start_job(stocked)
    room = memory.room_mb()
    assert room
    stand_in(monkeypatch, KILLED.replace("RSS", str(0.95 * room)))
    again(3)
    check_starved(stocked, job)


def test_an_engine_that_the_kernel_killed_for_memory_ran_out_of_it(stocked, monkeypatch):
    job = start_job(stocked)
    counts = iter(range(100))
    monkeypatch.setattr(memory, "kills", lambda: next(counts))
    stand_in(monkeypatch, KILLED.replace("RSS", "10"))
    again(3)
    check_starved(stocked, job)


def test_the_kernels_own_count_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "GROUPS", tmp_path)
    assert memory.kills() == 0
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 0\n")
    (tmp_path / "memory.max").write_text("50000000\n")
    assert (memory.kills(), memory.room_mb()) == (2, 50.0)
    assert memory.nearly_all(45.0) and not memory.nearly_all(20.0)


def test_a_job_that_dies_three_times_says_at_which_stage_and_how_far(stocked, monkeypatch):
    job = start_job(stocked)
    stand_in(monkeypatch, KILLED.replace("RSS", "10"))
    again(3)
    ended = look(stocked, job)
    place = {"stage": "sequence", "percent": 40}
    assert (ended.state, ended.error) == (
        life.FAILED,
        {"code": "poisoned", "params": {"deaths": 3, **place}},
    )
    assert "sequence, 40 % of the whole" in error_text("poisoned", ended.error["params"])
    with stocked.scope:
        event = JobEvent.objects.filter(job=job, code="engine.died").last()
    assert event.params == {"status": -signal.SIGKILL, **place}
    assert "(sequence, 40 % of the whole)" in said(JOB_EVENTS, event.code, event.params)


def test_a_damaged_checkpoint_is_left_out_and_told_once(stocked, monkeypatch, tmp_path):
    from io import StringIO

    import numpy as np

    from training.engine.progress import Progress

    progress = Progress(tmp_path, {"sequence": 1.0}, StringIO())
    kept = Checkpoints(
        tmp_path / "checkpoint",
        "one",
        lambda name: progress.event("checkpoint.damaged", checkpoint=name),
    )
    for step in (1, 2):
        kept.save("loop", {"w": np.arange(10.0)}, {"step": step})
    (tmp_path / "checkpoint" / "loop.00000002" / "state.safetensors").write_bytes(b"half")
    saved = kept.load("loop")
    assert saved and saved.facts == {"step": 1}
    progress.close()
    told = (tmp_path / "progress.jsonl").read_text()
    job = start_job(stocked)
    stand_in(monkeypatch, f"open(FOLDER + '/progress.jsonl', 'a').write({told!r}); sys.exit(75)")
    for _ in range(2):
        supervisor.run(queue.claim("gpu"))
    with stocked.scope:
        event = JobEvent.objects.get(job=job, code="checkpoint.damaged")
    assert (event.level, event.params) == ("warn", {"checkpoint": "loop.00000002"})


@pytest.mark.parametrize("loss", ["destroyed", "events.parquet", "job.json"])
def test_a_job_never_goes_on_with_other_data_than_it_began_with(stocked, monkeypatch, loss):
    job = start_job(stocked)
    stand_in(monkeypatch, "sys.exit(75)")
    supervisor.run(queue.claim("gpu"))
    folder = folder_of(stocked.tenant.id, job.id)
    if loss == "destroyed":
        with stocked.scope:
            Snapshot.objects.update(destroyed_at=now())
    else:
        (folder / loss).unlink()
    run_waiting("gpu")
    ended = look(stocked, job)
    assert (ended.state, ended.error["code"]) == (life.FAILED, "snapshot_gone")
    with stocked.scope:
        assert Snapshot.objects.count() == 1


def test_a_device_that_is_missing_is_named_before_anything_is_trained(tmp_path):
    folder = engine_shop.write_job(tmp_path / "job", base="tiny", device="cuda:63")
    assert engine.main([str(folder)]) == engine.BAD_INPUT
    error = json.loads((folder / "error.json").read_text())
    assert (error["code"], error["param"]) == ("device_missing", "device")
    assert "cuda:63" in error["message"]
    assert not (folder / "checkpoint").exists()


def test_every_failure_has_its_sentence_and_says_what_to_do():
    for code in (
        "disk_full", "out_of_memory", "poisoned", "snapshot_gone", "snapshot_damaged",
        "device_missing",
    ):  # fmt: skip
        assert str(ERRORS[code]).count(".") >= 2 or "," in str(ERRORS[code])
    for event in ("job.disk_full", "engine.out_of_memory", "checkpoint.damaged"):
        assert event in JOB_EVENTS
