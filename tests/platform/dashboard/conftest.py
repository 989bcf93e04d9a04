"""A stocked shop for page tests: consent, purchases, and a version that waits or serves."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tenants.behaviour.models import Item, Upload
from tenants.behaviour.services import accept_upload
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tenants.work.run import run_waiting
from tests import shop
from tests.trained import give_version
from training.jobs.models import JobMetric, Version
from training.jobs.services import approve_version, publish_version

PEOPLE = range(12)


@dataclass(frozen=True)
class Stocked:
    """A business with data and one evaluated version."""

    business: object
    version: Version
    uploads: dict[str, Upload]


def archive(business) -> None:
    """The notice that the shop's consent records name."""
    with business.scope:
        archive_notice(
            notice_id="privacy",
            version="1",
            language="en",
            body=shop.NOTICE,
            purposes=list(map(Purpose, shop.PURPOSES)),
            actor=business.actor,
        )


def stock_items(business) -> None:
    """Items under the numbers that the shared bundle was trained on."""
    with business.scope:
        Item.objects.bulk_create(
            Item(id=shop.FIRST_ITEM + n, external_id=f"item-{n:02d}", title=f"Thing {n}")
            for n in range(shop.ITEMS)
        )


def stock(business, people: range = PEOPLE) -> dict[str, Upload]:
    """Notice, items, consent records and purchases, processed; the uploads by kind."""
    archive(business)
    stock_items(business)
    files = {Upload.CONSENTS: shop.consents(people), Upload.EVENTS: shop.purchases(people)}
    uploads = {}
    with business.scope:
        for kind, content in files.items():
            uploads[kind] = accept_upload(
                kind=kind, name=f"{kind}.csv", chunks=[content], actor=business.actor
            )
            run_waiting("default")
    return uploads


def publish(business, version: Version) -> None:
    with business.scope:
        approve_version(version_id=version.id, actor=business.actor, reason="Good figures.")
        publish_version(version_id=version.id, actor=business.actor)


@pytest.fixture
def stocked(alice, artifact) -> Stocked:
    """Alice with data; her version is evaluated and waits for approval."""
    uploads = stock(alice)
    version = give_version(alice, artifact)
    with alice.scope:
        JobMetric.objects.bulk_create(
            JobMetric(job_id=version.job_id, series=series, name=name, step=step, value=1 / step)
            for series in ("sequence", "finetune")
            for name in ("loss", "valid_ndcg@10")
            for step in (1, 2, 3)
        )
    return Stocked(alice, version, uploads)


@pytest.fixture
def serving(stocked) -> Stocked:
    """The same with the version published."""
    publish(stocked.business, stocked.version)
    return stocked


@pytest.fixture
def pages(alice) -> Callable[..., object]:
    """`pages("/data/")` is Alice's owner asking for a page; htmx=True asks for a fragment."""
    client = alice.browser()

    def ask(path: str, *, htmx: bool = False):
        headers = {"HX-Request": "true"} if htmx else {}
        return client.get(path, headers=headers)

    return ask
