"""Requests to `/v1/fine_tuning` as a tenant's key makes them, and what they left behind."""

from django.test import Client

from tenants.audit.models import AuditEntry
from tenants.work.models import WorkItem
from training.jobs.models import Job, JobEvent

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
