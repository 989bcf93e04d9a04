"""`/v1/fine_tuning/jobs/{id}`: how far a job is, its events, its measured steps and curves."""

import math

from dashboard.wording.models import JOB_EVENTS
from tenants.work.run import run_waiting
from tests.training.jobs.job_requests import error_of, order, read
from tests.training.jobs.test_job_life import a_job
from training.jobs import life
from training.jobs.models import Job, JobEvent, JobMetric, Snapshot, Version
from training.jobs.moves import tell
from training.jobs.wording import EVENTS


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


def test_whatever_happens_to_a_job_has_a_sentence_here_and_on_the_page():
    assert set(EVENTS) == set(JOB_EVENTS)
