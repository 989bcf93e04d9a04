"""Beside the product of `prove-restarts`, in a worker's environment: answers each line that comes
with what became of the job. With parameters as JSON it opens a small shop and orders one instead.
"""

import json
import sys
import time
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import InterfaceError, OperationalError, connections  # noqa: E402

from tenants.isolation.models import KnownTenant  # noqa: E402
from tenants.isolation.scope import tenant_scope  # noqa: E402
from training.jobs.models import Job, Snapshot, Version  # noqa: E402


def answer() -> dict[str, Any]:
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
    finally:
        connections.close_all()


def order(params: dict[str, Any]) -> None:
    """A tenant with the shop's data, processed by the product's own worker, and its job."""
    from tenants.behaviour.arriving.accepting import accept_upload
    from tenants.behaviour.models import Upload
    from tests import shop, stocked
    from tests.conftest import make_business
    from training.jobs.control import create_job

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
        create_job(actor=business.actor, base_model=base, params=params, seed=1)


if __name__ == "__main__":
    if sys.argv[1:]:
        order(json.loads(sys.argv[1]))
        sys.exit()
    for _ in sys.stdin:
        print(json.dumps(answer()), flush=True)
