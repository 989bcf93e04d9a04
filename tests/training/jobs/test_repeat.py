"""A finished job is repeated from its record; what cannot be repeated is refused, and why."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from tenants.work.run import run_waiting
from tests import shop
from tests.training.jobs.test_supervisor import start_job
from training.engine.lineage import RECORD_FILE, read_record, seal_of
from training.jobs import repeating
from training.jobs.beginning import folder_of
from training.jobs.models import Job, Snapshot, Version
from training.jobs.repeating import compare_files, compare_inputs


@pytest.fixture
def trained(stocked, settings, tmp_path):
    """A job of Alice's that the real engine ran, on all cores; the job."""
    settings.BASE_MODELS = [shop.tiny_base_model(tmp_path / "tiny")]
    quick = {**shop.QUICK, "batch_size": 256}
    job = start_job(stocked, base_model=settings.BASE_MODELS[0], params=quick)
    run_waiting("gpu")
    with stocked.scope:
        job.refresh_from_db()
        assert job.state == "succeeded", job.error
    return job


def repeat(job: Job, *words: str) -> tuple[str, dict]:
    """What the command says on success: its text and its last line."""
    said = StringIO()
    call_command("repeat_job", job.public_id, *words, stdout=said)
    return said.getvalue(), json.loads(said.getvalue().splitlines()[-1])


def refusal(job: Job, *words: str) -> str:
    with pytest.raises(CommandError) as refused:
        call_command("repeat_job", job.public_id, *words, stdout=StringIO())
    return str(refused.value)


def test_a_job_is_recorded_repeated_and_refused_once_its_data_are_gone(trained, stocked):
    """One training for the whole story: it takes seconds."""
    folder = folder_of(trained.tenant_id, trained.id)
    check_record(trained, stocked, folder)
    before = sorted(path.name for path in folder.parent.iterdir())
    text, told = repeat(trained)
    assert told["equal"] and told["inputs_that_differ"] == {}
    assert text.count("  same\n") == len(told["files"]) > 2
    assert sorted(path.name for path in folder.parent.iterdir()) == before
    with stocked.scope:
        assert (Version.objects.count(), Job.objects.count()) == (1, 1)
    events = (folder / "events.parquet").read_bytes()
    (folder / "events.parquet").write_bytes(events + b"x")
    assert refusal(trained).startswith("snapshot_damaged: events.parquet was altered")
    (folder / "events.parquet").unlink()
    assert refusal(trained).startswith("snapshot_gone")
    (folder / "events.parquet").write_bytes(events)
    with stocked.scope:
        Snapshot.objects.update(destroyed_at=now())
    assert refusal(trained).startswith("snapshot_gone")


def check_record(job: Job, business, folder: Path) -> None:
    """The folder's record is sealed, the version's manifest holds it, and it names its origin."""
    record = read_record(folder)
    assert record
    with business.scope:
        version, snapshot = Version.objects.get(job=job), Snapshot.objects.get()
    assert {**version.manifest, "params": 0} == {**version.manifest, **record, "params": 0}
    assert version.manifest["record_sha256"] == seal_of(record)
    assert record["snapshot"] == {n: f["sha256"] for n, f in snapshot.files.items()}
    assert record["origin"] == {
        "job": job.public_id,
        "snapshot": snapshot.public_id,
        "snapshot_sha256": bytes(snapshot.sha256).hex(),
        "policy_version": snapshot.policy_version,
        "parent_version": "",
    }
    assert record["base_model"]["files"]["model.safetensors"] and record["tokenizer"]
    assert (record["asked"]["threads"], record["seed"], record["device"]) == (None, 0, "cpu")
    assert record["threads"] >= 1 and record["versions"]["torch"] and record["hardware"]["cpu"]
    assert list((folder / "tensorboard").iterdir())


def test_a_broken_seal_makes_a_record_worth_nothing(tmp_path):
    record = {"threads": 3}
    sealed = {"sha256": seal_of(record), "record": record}
    (tmp_path / RECORD_FILE).write_text(json.dumps(sealed))
    assert read_record(tmp_path) == record
    (tmp_path / RECORD_FILE).write_text(json.dumps({**sealed, "record": {"threads": 4}}))
    assert read_record(tmp_path) is None
    (tmp_path / RECORD_FILE).write_text("{")
    assert read_record(tmp_path) is None


MANIFEST = {
    "files": {"a.safetensors": {"sha256": "1"}, "b.safetensors": {"sha256": "2"}},
    "versions": {"torch": "2.13.0", "numpy": "2.4.6"},
    "code": "abc",
    "threads": 1,
    "asked": {"device": "auto", "threads": None, "params": {"dim": 8}},
    "base_model": {"files": {"model.safetensors": "x"}},
}


def test_files_that_differ_or_are_missing_are_named():
    now_ = {"files": {"a.safetensors": {"sha256": "1"}, "c.safetensors": {"sha256": "3"}}}
    lines = compare_files(MANIFEST, now_)
    assert [(line.name, line.before, line.now, line.equal) for line in lines] == [
        ("a.safetensors", "1", "1", True),
        ("b.safetensors", "2", "", False),
        ("c.safetensors", "", "3", False),
    ]


def test_inputs_that_differ_are_named_and_what_was_merely_asked_is_not():
    now_ = {
        **MANIFEST,
        "versions": {"torch": "2.14.0", "numpy": "2.4.6"},
        "code": "def",
        "asked": {"device": "cpu", "threads": 1, "params": {"dim": 8}},
        "base_model": {"files": {"model.safetensors": "y"}},
    }
    differing = [line.name for line in compare_inputs(MANIFEST, now_) if not line.equal]
    assert differing == ["base_model.files.model.safetensors", "code", "versions.torch"]


def as_if_run(monkeypatch, business, change) -> Job:
    """A finished job with a recorded version, whose repetition ends with `change`d facts."""
    manifest = {**MANIFEST, "origin": {}, "snapshot": {}, "device": "cpu"}
    with business.scope:
        snapshot = Snapshot.objects.create(
            purpose="model_training", policy_version="x", sha256=b"", events=1, subjects=1, items=1
        )
        job = Job.objects.create(
            base_model="tiny", actor_ref="x", state="succeeded", snapshot=snapshot
        )
        Version.objects.create(
            number=1, job=job, snapshot=snapshot, manifest=manifest, manifest_sha256=b"", bytes=1
        )
    folder = folder_of(job.tenant_id, job.id)
    folder.mkdir(parents=True)
    (folder / "job.json").write_text("{}")
    monkeypatch.setattr(repeating, "_run", lambda *_: {**manifest, **change})
    return job


OTHER = {"files": {"a.safetensors": {"sha256": "9"}, "b.safetensors": {"sha256": "2"}}}


def test_other_weights_end_with_the_inputs_that_are_not_the_same(alice, monkeypatch):
    job = as_if_run(monkeypatch, alice, {**OTHER, "code": "new", "threads": 2})
    said = refusal(job)
    assert said == (
        "The weights differ. So do these inputs, any of which may be why: code, threads."
    )


def test_other_weights_from_the_same_inputs_are_laid_to_the_device(alice, monkeypatch):
    assert "every recorded input is the same" in refusal(as_if_run(monkeypatch, alice, OTHER))


def test_a_job_is_found_in_its_own_tenant_alone(alice, bob, monkeypatch):
    job = as_if_run(monkeypatch, alice, {})
    assert repeat(job)[1]["equal"]
    assert repeat(job, "--tenant", alice.tenant.public_id)[1]["equal"]
    assert refusal(job, "--tenant", bob.tenant.public_id).startswith("not_found")
    job.id = bob.tenant.id
    assert refusal(job) == "There is no such job."


def test_a_job_without_version_or_record_is_not_repeated(alice, monkeypatch):
    job = as_if_run(monkeypatch, alice, {})
    with alice.scope:
        Version.objects.update(manifest={"files": {}})
    assert refusal(job).startswith("not_repeatable")
    with alice.scope:
        Version.objects.all().delete()
    assert refusal(job).startswith("not_repeatable")


def test_an_engine_that_does_not_end_well_says_why(alice, monkeypatch):
    run = repeating._run
    job = as_if_run(monkeypatch, alice, {})
    monkeypatch.setattr(repeating, "_run", run)
    said = refusal(job)
    assert said.startswith("repeat_failed: The repeated run did not end well: ")
    left = folder_of(job.tenant_id, job.id).parent.iterdir()
    assert [path.name for path in left] == [str(job.id)]
    shutil.rmtree(folder_of(job.tenant_id, job.id))
