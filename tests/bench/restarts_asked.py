"""Beside the product of `prove-restarts`, in a worker's environment: each line that comes is a
question and what belongs to it, as JSON; so is the line that answers it.
"""

import json
import sys
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import CommandError, call_command  # noqa: E402
from django.db import InterfaceError, OperationalError, connections  # noqa: E402

from tenants.behaviour.arriving.accepting import accept_upload  # noqa: E402
from tenants.behaviour.models import Upload  # noqa: E402
from tenants.isolation.models import KnownTenant  # noqa: E402
from tenants.isolation.scope import tenant_scope  # noqa: E402
from tests import shop, stocked  # noqa: E402
from tests.business import make_business  # noqa: E402
from training.jobs.control import create_job  # noqa: E402
from training.jobs.models import Job, Snapshot, Version  # noqa: E402


def state() -> dict[str, Any]:
    """What became of the job; nothing while the database is away."""
    try:
        tenant = KnownTenant.objects.first()
        if tenant is None:
            return {"state": "", "fraction": 0}
        with tenant_scope(tenant.tenant_id):
            job = Job.objects.first()
            return {
                "state": job.state if job else "",
                "versions": Version.objects.count(),
                "snapshots": Snapshot.objects.count(),
                "error": job.error if job else {},
                "fraction": job.progress.get("fraction", 0) if job else 0,
            }
    except (OperationalError, InterfaceError):
        return {"state": "", "fraction": 0}


def order(params: dict[str, Any]) -> dict[str, Any]:
    """A tenant with the shop's data, processed by the product's own worker, and its job."""
    business = make_business("Restarts")
    stocked.archive(business)
    files = {Upload.CONSENTS: shop.consents(), Upload.EVENTS: shop.purchases()}
    with business.scope:
        for kind, content in files.items():
            accept_upload(kind=kind, name=kind, chunks=[content], actor=business.actor)
    done = False
    while not done:
        time.sleep(0.1)
        with business.scope:
            done = not Upload.objects.exclude(state=Upload.DONE).exists()
    base = settings.BASE_MODELS[0]
    with business.scope:
        job = create_job(actor=business.actor, base_model=base, params=params, seed=1)
    return {"job": job.public_id}


def verify() -> dict[str, Any]:
    """Whether the audit log holds, and what the command says of it."""
    said = StringIO()
    try:
        call_command("audit_verify", stdout=said)
    except (CommandError, SystemExit) as fault:
        return {"holds": False, "said": f"{said.getvalue()}{fault}"}
    return {"holds": True, "said": said.getvalue()}


QUESTIONS: dict[str, Callable[..., dict[str, Any]]] = {
    question.__name__: question for question in (state, order, verify)
}

if __name__ == "__main__":
    for line in sys.stdin:
        question, *given = json.loads(line)
        print(json.dumps(QUESTIONS[question](*given)), flush=True)
        connections.close_all()
