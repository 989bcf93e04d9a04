"""A stocked shop for page tests: consent, purchases, and a version that waits or serves."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tenants.behaviour.models import Upload
from tests.business import make_business
from tests.stocked import publish, stock
from tests.trained import give_version
from training.jobs.models import JobMetric, Version

PEOPLE = range(12)


@dataclass(frozen=True)
class Stocked:
    """A business with data and one evaluated version."""

    business: object
    version: Version
    uploads: dict[str, Upload]


@pytest.fixture(scope="module")
def stocked(made_once, artifact) -> Stocked:
    """A business with data; its version is evaluated and waits for approval."""
    business = make_business("Stocked")
    uploads = stock(business, PEOPLE)
    version = give_version(business, artifact)
    with business.scope:
        JobMetric.objects.bulk_create(
            JobMetric(job_id=version.job_id, series=series, name=name, step=step, value=1 / step)
            for series in ("sequence", "finetune")
            for name in ("loss", "valid_ndcg@10")
            for step in (1, 2, 3)
        )
    return Stocked(business, version, uploads)


@pytest.fixture
def serving(stocked) -> Stocked:
    """The same with the version published."""
    publish(stocked.business, stocked.version)
    return stocked


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> Callable[..., object]:
    """`pages("/data/")` is the owner of the stocked business of a test, or else Alice, asking for a
    page; htmx=True asks for a fragment.
    """
    if "stocked" in request.fixturenames:
        client = request.getfixturevalue("stocked").business.browser()
    else:
        client = request.getfixturevalue("alice").browser()

    def ask(path: str, *, htmx: bool = False):
        headers = {"HX-Request": "true"} if htmx else {}
        return client.get(path, headers=headers)

    return ask
