"""`/v1/fine_tuning`: a job ordered, an estimate asked; what is refused changes nothing."""

import pytest
from django.test import Client

from tenants.accounts.plans import DEFAULT, PLANS
from tenants.audit.models import AuditEntry
from tenants.ids import public_id
from tests.training.jobs.job_requests import BASE, JOBS, error_of, order, read, traces
from training.engine.adapters import ADAPTERS
from training.engine.params import PARAMS
from training.jobs.models import Job


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


@pytest.mark.parametrize("kind", ADAPTERS)
def test_every_method_of_the_engine_can_be_ordered(alice, kind):
    method = {"type": kind, kind: {"hyperparameters": {"finetune_epochs": 2}}}
    reply = order(alice, method=method)
    assert (reply.status_code, reply.json()["method"]["type"]) == (201, kind)
    with alice.scope:
        assert Job.objects.get().method == kind
        assert Job.objects.get().params == {"finetune_epochs": 2}


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
    "options of another method": (
        {"method": {"type": "full", "lora": {"hyperparameters": {"epochs": 3}}}},
        "invalid_value",
        "method.lora",
    ),
    "options of a method beside one that is not there": (
        {"method": {"type": "loar", "lora": {"hyperparameters": {"epochs": 3}}}},
        "unknown_method",
        "method.type",
    ),
    "a parameter that the method does not read": (
        {"method": {"type": "full", "full": {"hyperparameters": {"lora_rank": 8}}}},
        "bad_param",
        "method.full.hyperparameters.lora_rank",
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


def test_one_job_more_than_the_plan_lets_wait_is_refused(alice):
    for _ in range(PLANS[DEFAULT].jobs_queued):
        assert order(alice).status_code == 201
    before = traces(alice)
    assert error_of(order(alice)) == (409, "jobs_queued", None)
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


def test_what_a_job_would_take_is_told_before_there_is_one(stocked, bob):
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
