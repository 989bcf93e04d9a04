"""The official `openai` client, pointed at the shop's real web server, does its fine-tuning."""

import openai
import pytest

from launcher.ports import HOST
from tenants.accounts.models import Tenant
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import stock
from tests.web_server import served
from training.jobs import life
from training.jobs.models import Job, JobMetric

BASE = "all-MiniLM-L6-v2"


@pytest.fixture
def alice(committed, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    business = committed("Alice")
    with business.scope:
        Tenant.objects.update(granted={"requests_per_second": 500.0, "burst": 500})
    return business


@pytest.fixture
def client(alice, tmp_path):
    with (
        served(tmp_path) as server,
        openai.OpenAI(
            api_key=alice.key, base_url=f"http://{HOST}:{server.port}/v1", max_retries=0, timeout=30
        ) as client,
    ):
        yield client


def test_the_official_client_orders_follows_pauses_and_cancels(alice, client):
    stock(alice, range(3), first_item=2 * shop.FIRST_ITEM)
    jobs = client.fine_tuning.jobs
    made = jobs.create(
        model=BASE,
        training_file="events",
        suffix="autumn",
        seed=7,
        metadata={"asked_by": "night run"},
        method={"type": "lora", "lora": {"hyperparameters": {"epochs": 2}}},
    )
    assert (made.object, made.status, made.model) == ("fine_tuning.job", "validating_files", BASE)
    assert (made.hyperparameters.n_epochs, made.hyperparameters.batch_size) == (2, "auto")
    assert (made.seed, made.metadata) == (7, {"asked_by": "night run"})
    with pytest.raises(openai.BadRequestError) as refused:
        jobs.create(model=BASE, training_file="events", hyperparameters={"n_epochs": -1})
    assert (refused.value.code, refused.value.param) == ("bad_param", "hyperparameters.n_epochs")

    run_waiting("default")
    assert jobs.retrieve(made.id).status == "queued"
    assert jobs.pause(made.id).status == "paused"
    assert jobs.resume(made.id).status == "queued"
    _measure(alice)
    points = list(jobs.checkpoints.list(made.id, limit=1))
    assert [point.step_number for point in points] == [8, 4]
    assert points[1].metrics.train_loss == 5.0
    ended = jobs.cancel(made.id)
    assert (ended.id, ended.status, ended.error) == (made.id, "cancelled", None)

    events = list(jobs.list_events(made.id, limit=2))
    assert [event.data["code"] for event in events] == [
        "job.cancelled", "job.queued", "job.paused", "job.queued", "job.created",
    ]  # fmt: skip
    assert events[0].message == "The job is cancelled."
    second = jobs.create(model=BASE, training_file="events")
    assert [job.id for job in jobs.list(limit=1)] == [second.id, made.id]
    assert [job.id for job in jobs.list(metadata={"asked_by": "night run"})] == [made.id]
    jobs.cancel(second.id)


def test_the_official_client_reads_our_refusals(alice, client):
    jobs = client.fine_tuning.jobs
    with pytest.raises(openai.BadRequestError) as refused:
        jobs.create(model=BASE, training_file="file-abc")
    assert (refused.value.code, refused.value.param) == ("invalid_value", "training_file")
    with pytest.raises(openai.NotFoundError):
        jobs.retrieve("ftjob_abc")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="wrong").fine_tuning.jobs.retrieve("ftjob_abc")
    with alice.scope:
        assert not Job.objects.exists()


def _measure(business) -> None:
    """What a run would have measured of the one job that there is."""
    with business.scope:
        job = Job.objects.get(state=life.QUEUED)
        for name, step, value in (
            ("loss", 0, 5.0),
            ("valid_ndcg@10", 4, 0.1),
            ("valid_ndcg@10", 8, 0.2),
        ):
            JobMetric.objects.create(job=job, series="sequence", name=name, step=step, value=value)
