"""`/v1/fine_tuning`: a job ordered, followed, asked; what is refused changes nothing."""

import math

import pytest
from django.test import Client

from dashboard.wording.models import JOB_EVENTS
from tenants.audit.models import AuditEntry
from tenants.ids import public_id, uuid7
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.training.jobs.test_life import a_job
from tests.training.jobs.test_supervisor import stocked  # noqa: F401
from training.engine.params import PARAMS
from training.jobs import life
from training.jobs.models import Job, JobEvent, JobMetric, Snapshot, Version
from training.jobs.moves import tell
from training.jobs.wording import EVENTS

BASE = "all-MiniLM-L6-v2"
JOBS = "/v1/fine_tuning/jobs"


def order(business, path: str = JOBS, **body):
    body = {"model": BASE, **body}
    return Client().post(path, body, content_type="application/json", headers=business.headers)


def read(business, *path: str, query: str = ""):
    return Client().get("/".join((JOBS, *path)) + query, headers=business.headers)


def ask(business, job_id: str, what: str):
    return Client().post(
        f"{JOBS}/{job_id}/{what}", content_type="application/json", headers=business.headers
    )


def error_of(reply) -> tuple[int, str, str | None]:
    error = reply.json()["error"]
    return reply.status_code, error["code"], error["param"]


def traces(business) -> tuple[int, int, int, int]:
    """Jobs, events, audit entries and leased work: what a refusal must leave as it is."""
    with business.scope:
        rows = (Job.objects.count(), JobEvent.objects.count(), AuditEntry.objects.count())
    return (*rows, WorkItem.objects.filter(kind__startswith="job").count())


def test_an_order_becomes_a_job_in_the_known_form(alice):
    reply = order(
        alice,
        training_file="events",
        suffix="autumn",
        seed=7,
        hyperparameters={"n_epochs": 3, "batch_size": "auto", "learning_rate_multiplier": "auto"},
        metadata={"asked_by": "night run"},
    )
    assert reply.status_code == 201
    body = reply.json()
    with alice.scope:
        job = Job.objects.get()
    # What a job was told is kept; "auto" is what was not told.
    assert (job.params, job.metadata) == ({"epochs": 3}, {"asked_by": "night run"})
    chosen = {**dict.fromkeys(PARAMS, "auto"), "epochs": 3}
    assert body == {
        "id": job.public_id,
        "object": "fine_tuning.job",
        "created_at": int(job.created_at.timestamp()),
        "finished_at": None,
        "estimated_finish": None,
        "model": BASE,
        "fine_tuned_model": None,
        "name": "autumn",
        "status": "validating_files",
        "method": {"type": "lora", "lora": {"hyperparameters": chosen}},
        "hyperparameters": {**chosen, "n_epochs": 3, "learning_rate_multiplier": "auto"},
        "seed": 7,
        "error": None,
        "training_file": "events",
        "validation_file": None,
        "result_files": [],
        "trained_tokens": None,
        "organization_id": public_id("tenant", alice.tenant.id),
        "metadata": {"asked_by": "night run"},
        "integrations": None,
        "progress": None,
        "estimate": None,
        "device": None,
        "device_seconds": 0.0,
    }
    assert read(alice, job.public_id).json() == body
    with alice.scope:
        entry = AuditEntry.objects.get(action="job.created")
    assert (entry.object_id, entry.actor_type) == (job.public_id, "key")


def test_hyperparameters_may_stand_in_the_method_as_well(alice):
    method = {"type": "lora", "lora": {"hyperparameters": {"lora_rank": 8, "repeats": True}}}
    assert order(alice, method=method).status_code == 201
    with alice.scope:
        assert Job.objects.get().params == {"lora_rank": 8, "repeats": True}


HUGE = 10**400
REFUSED = {
    "no model": ({"model": None}, "invalid_value", "model"),
    "a model that is not allowed": ({"model": "/etc"}, "base_model_not_allowed", "model"),
    "a file": ({"training_file": "file-abc"}, "invalid_value", "training_file"),
    "a file to validate": ({"validation_file": "file-abc"}, "invalid_value", "validation_file"),
    "another service": ({"integrations": [{"type": "wandb"}]}, "invalid_value", "integrations"),
    "an unknown field": ({"nonsense": 1}, "invalid_value", "nonsense"),
    "an unknown method": ({"method": {"type": "dpo"}}, "unknown_method", "method.type"),
    "an unknown parameter": (
        {"hyperparameters": {"prompt_loss_weight": 1}},
        "invalid_value",
        "hyperparameters.prompt_loss_weight",
    ),
    "a value out of bounds": (
        {"method": {"type": "lora", "lora": {"hyperparameters": {"epochs": -3}}}},
        "bad_param",
        "method.lora.hyperparameters.epochs",
    ),
    "another name out of bounds": (
        {"hyperparameters": {"n_epochs": 0}},
        "bad_param",
        "hyperparameters.n_epochs",
    ),
    "a number beyond all": ({"hyperparameters": {"dim": HUGE}}, "bad_param", "hyperparameters.dim"),
    "a text for a number": (
        {"hyperparameters": {"dim": "64"}},
        "invalid_value",
        "hyperparameters.dim",
    ),
    "a multiplier": (
        {"hyperparameters": {"learning_rate_multiplier": 2}},
        "invalid_value",
        "hyperparameters.learning_rate_multiplier",
    ),
    "one parameter twice": (
        {"hyperparameters": {"epochs": 2, "n_epochs": 3}},
        "invalid_value",
        "hyperparameters.n_epochs",
    ),
    "parameters in two places": (
        {
            "hyperparameters": {"epochs": 2},
            "method": {"type": "lora", "lora": {"hyperparameters": {"dim": 64}}},
        },
        "invalid_value",
        "hyperparameters",
    ),
    "a seed below zero": ({"seed": -1}, "invalid_value", "seed"),
    "too many pairs": (
        {"metadata": {str(n): "x" for n in range(17)}},
        "invalid_value",
        "metadata",
    ),
    "a long key": ({"metadata": {"x" * 65: "x"}}, "invalid_value", "metadata"),
    "a key that is no text": ({"metadata": {"\0": "x"}}, "invalid_value", "metadata"),
    "a value that is no text": ({"metadata": {"run": 5}}, "invalid_value", "metadata.run"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_order_that_cannot_be_kept_names_its_field_and_changes_nothing(alice, name):
    body, code, param = REFUSED[name]
    before = traces(alice)
    assert error_of(order(alice, **body)) == (400, code, param)
    assert traces(alice) == before


def test_a_second_job_is_refused_while_one_is_open(alice):
    assert order(alice).status_code == 201
    before = traces(alice)
    assert error_of(order(alice)) == (409, "job_open", None)
    assert traces(alice) == before


def test_a_repeated_order_is_one_job(alice):
    again = {**alice.headers, "Idempotency-Key": "autumn"}
    replies = [
        Client().post(JOBS, {"model": BASE}, content_type="application/json", headers=again)
        for _ in range(2)
    ]
    assert [reply.status_code for reply in replies] == [201, 201]
    assert replies[0].json() == replies[1].json()
    with alice.scope:
        assert Job.objects.count() == 1


def test_the_list_runs_from_the_newest_and_may_ask_for_metadata(alice, bob):
    ids = [a_job(alice, life.CANCELLED).public_id for _ in range(3)]
    a_job(bob, life.CANCELLED)
    with alice.scope:
        Job.objects.filter(pk=Job.objects.first().pk).update(metadata={"run": "a", "by": "x"})
        marked = Job.objects.get(metadata__run="a").public_id
    page = read(alice, query="?limit=2").json()
    assert ([each["id"] for each in page["data"]], page["has_more"]) == (ids[:0:-1], True)
    rest = read(alice, query=f"?limit=2&after={ids[1]}").json()
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == (ids[:1], False)
    found = read(alice, query="?metadata[run]=a&metadata[by]=x").json()["data"]
    assert [each["id"] for each in found] == [marked]
    for query in ("?metadata[run]=b", "?metadata[run]=%00"):
        assert read(alice, query=query).json()["data"] == []


def test_a_waiting_job_is_paused_resumed_and_cancelled(stocked):  # noqa: F811
    made = order(stocked).json()["id"]
    run_waiting("default")
    waiting = read(stocked, made).json()
    assert (waiting["status"], waiting["estimate"]["based_on"]) == ("queued", "usual")
    assert waiting["estimate"]["events"] > 0 and waiting["estimate"]["device_seconds"] > 15
    for what, status in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")):
        reply = ask(stocked, made, what)
        assert (reply.status_code, reply.json()["status"]) == (200, status)
    ended = read(stocked, made).json()
    assert ended["finished_at"] >= ended["created_at"]
    told = read(stocked, made, "events").json()["data"]
    codes = [each["data"]["code"] for each in told]
    assert codes == [
        "job.cancelled", "job.queued", "job.paused", "job.queued", "job.created",
    ]  # fmt: skip
    assert told[0] == {
        "id": told[0]["id"],
        "object": "fine_tuning.job.event",
        "created_at": told[0]["created_at"],
        "level": "warn",
        "message": "The job is cancelled.",
        "type": "message",
        "data": {"code": "job.cancelled", "params": {}},
    }


ASKS = [
    (state, what, code)
    for what, code in (
        ("cancel", "job_ended"),
        ("pause", "not_pausable"),
        ("resume", "not_paused"),
    )
    for state in life.STATES
    if not life.allowed(what, state)
]


def test_what_a_job_cannot_do_is_refused_and_changes_nothing(alice):
    for state, what, code in ASKS:
        job = a_job(alice, state)
        before = traces(alice)
        assert error_of(ask(alice, job.public_id, what)) == (409, code, None), state
        assert traces(alice) == before
        with alice.scope:
            job.refresh_from_db()
        assert job.state == state


def test_another_tenants_job_reads_as_missing(alice, bob):
    job = a_job(alice, life.QUEUED)
    with alice.scope:
        tell(job, "job.queued")
    before = traces(alice)
    for wanted in (job.public_id, public_id("job", uuid7()), "nonsense"):
        replies = [ask(bob, wanted, what) for what in ("cancel", "pause", "resume")]
        replies += [read(bob, wanted)]
        replies += [read(bob, wanted, what) for what in ("events", "checkpoints", "metrics")]
        assert {error_of(reply) for reply in replies} == {(404, "not_found", "id")}
    assert traces(alice) == before
    with alice.scope:
        job.refresh_from_db()
    assert job.state == life.QUEUED


def test_events_come_in_pages_whose_cursor_counts_nobody_elses(alice, bob):
    job, other = a_job(alice, life.QUEUED), a_job(bob, life.QUEUED)
    with bob.scope:
        tell(other, "job.created")
        foreign = JobEvent.objects.get().public_id
    with alice.scope:
        for attempt in range(5):
            tell(job, "job.running", params={"attempt": attempt})
    seen, after = [], ""
    while True:
        page = read(alice, job.public_id, "events", query=f"?limit=2{after}").json()
        seen += page["data"]
        if not page["has_more"]:
            break
        after = f"&after={page['data'][-1]['id']}"
    assert [each["message"] for each in seen] == [
        f"The job runs, attempt {attempt}." for attempt in (4, 3, 2, 1, 0)
    ]
    assert len({each["id"] for each in seen}) == 5
    page = read(alice, job.public_id, "events", query=f"?after={foreign}").json()
    assert page == {"object": "list", "data": [], "has_more": False}
    wrong = read(alice, job.public_id, "events", query=f"?after={job.public_id}")
    assert error_of(wrong) == (400, "invalid_value", "after")


def measured(business, state: str) -> Job:
    """A job with two losses and two measured steps; the last loss is not a number any more."""
    job = a_job(business, state)
    with business.scope:
        for name, step, value in (
            ("loss", 0, 5.0),
            ("valid_ndcg@10", 4, 0.1),
            ("loss", 5, math.nan),
            ("valid_ndcg@10", 8, 0.2),
        ):
            JobMetric.objects.create(job=job, series="sequence", name=name, step=step, value=value)
    return job


def test_checkpoints_are_the_steps_at_which_a_run_was_measured(alice):
    job = measured(alice, life.RUNNING)
    page = read(alice, job.public_id, "checkpoints").json()
    assert page["has_more"] is False
    late, early = page["data"]
    assert early == {
        "id": early["id"],
        "object": "fine_tuning.job.checkpoint",
        "created_at": early["created_at"],
        "fine_tuning_job_id": job.public_id,
        "fine_tuned_model_checkpoint": None,
        "series": "sequence",
        "step_number": 4,
        "metrics": {"step": 4, "train_loss": 5.0, "valid_ndcg@10": 0.1},
    }
    assert late["metrics"] == {"step": 8, "train_loss": None, "valid_ndcg@10": 0.2}
    first = read(alice, job.public_id, "checkpoints", query="?limit=1").json()
    assert (first["data"], first["has_more"]) == ([late], True)
    rest = read(alice, job.public_id, "checkpoints", query=f"?after={late['id']}").json()
    assert (rest["data"], rest["has_more"]) == ([early], False)
    empty = a_job(alice, life.QUEUED)
    assert read(alice, empty.public_id, "checkpoints").json()["data"] == []


def test_curves_come_by_series_and_measure(alice):
    job = measured(alice, life.RUNNING)
    assert read(alice, job.public_id, "metrics").json() == {
        "object": "list",
        "data": [
            {
                "object": "fine_tuning.job.curve",
                "series": "sequence",
                "metric": metric,
                "points": [{"step": step, "value": value} for step, value in points],
            }
            for metric, points in (
                ("loss", [(0, 5.0), (5, None)]),
                ("valid_ndcg@10", [(4, 0.1), (8, 0.2)]),
            )
        ],
        "has_more": False,
    }


def test_a_job_tells_how_far_it_is_and_what_came_of_it(alice):
    job = measured(alice, life.RUNNING)
    with alice.scope:
        frozen = Snapshot.objects.create(purpose="x", sha256=b"x", events=1, subjects=1, items=1)
        job.snapshot = frozen
        job.progress = {"fraction": 0.5, "stage": "sequence", "eta_seconds": 60.0, "rss_mb": 1}
        job.save()
    body = read(alice, job.public_id).json()
    assert body["progress"] == {"fraction": 0.5, "stage": "sequence", "eta_seconds": 60.0}
    assert body["estimated_finish"] > body["created_at"]
    assert (body["training_file"], body["fine_tuned_model"]) == (frozen.public_id, None)
    with alice.scope:
        job.state = life.SUCCEEDED
        job.save()
        version = Version.objects.create(
            number=1, job=job, snapshot=frozen, manifest={}, manifest_sha256=b"x", bytes=1
        )
    body = read(alice, job.public_id).json()
    assert (body["fine_tuned_model"], body["estimated_finish"]) == (version.public_id, None)
    points = read(alice, job.public_id, "checkpoints").json()["data"]
    assert {each["fine_tuned_model_checkpoint"] for each in points} == {version.public_id}


def test_a_job_that_failed_says_why(alice):
    made = order(alice).json()["id"]
    run_waiting("default")
    body = read(alice, made).json()
    assert body["status"] == "failed"
    assert body["error"] == {
        "code": "too_little_data",
        "message": "Only 0 events may be used for training; 20 are needed. Upload more events, or "
        "consent records for the people in them.",
        "param": None,
    }


def test_what_a_job_would_take_is_told_before_there_is_one(stocked, bob):  # noqa: F811
    before = traces(stocked)
    reply = order(stocked, "/v1/fine_tuning/estimates", hyperparameters={"n_epochs": 2})
    assert reply.status_code == 200
    body = reply.json()
    assert (body["object"], body["model"]) == ("fine_tuning.estimate", BASE)
    assert (body["enough_events"], body["based_on"]) == (True, "usual")
    assert (body["events"] > 20, body["subjects"], body["items"]) == (True, 60, 30)
    assert body["run_seconds"] == body["device_seconds"] > 15
    assert traces(stocked) == before
    empty = order(bob, "/v1/fine_tuning/estimates").json()
    assert (empty["enough_events"], empty["events"], empty["device_seconds"]) == (False, 0, None)
    wrong = order(bob, "/v1/fine_tuning/estimates", hyperparameters={"n_epochs": 0})
    assert error_of(wrong) == (400, "bad_param", "hyperparameters.n_epochs")


def test_whatever_happens_to_a_job_has_a_sentence_here_and_on_the_page():
    assert set(EVENTS) == set(JOB_EVENTS)
