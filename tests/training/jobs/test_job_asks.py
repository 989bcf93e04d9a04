"""`/v1/fine_tuning/jobs`: listed, paused, resumed, cancelled; what is refused changes nothing."""

from tenants.ids import public_id, uuid7
from tenants.work.run import run_waiting
from tests.training.jobs.job_requests import ask, error_of, order, read, traces
from tests.training.jobs.test_job_life import a_job
from training.jobs import life
from training.jobs.models import Job
from training.jobs.moves import tell


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


def test_a_waiting_job_is_paused_resumed_and_cancelled(stocked):
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
