"""A business with the shop's data: notice, items, consent, purchases and a published version."""

from pathlib import Path

from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Item, Upload
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tenants.work.run import run_waiting
from tests import shop
from tests.business import Business, make_business
from tests.trained import give_version
from training.jobs.models import Version
from training.jobs.services import approve_version, publish_version


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


def stock_items(business, first_item: int = shop.FIRST_ITEM) -> None:
    """Items under the numbers that the business's bundle was trained on."""
    with business.scope:
        Item.objects.bulk_create(
            Item(id=first_item + n, external_id=f"item-{n:02d}", title=f"Thing {n}")
            for n in range(shop.ITEMS)
        )


def stock(business, people: range, first_item: int = shop.FIRST_ITEM) -> dict[str, Upload]:
    """Notice, items, consent records and purchases, processed; the uploads by kind."""
    archive(business)
    stock_items(business, first_item)
    files = {Upload.CONSENTS: shop.consents(people), Upload.EVENTS: shop.purchases(people)}
    uploads = {}
    with business.scope:
        for kind, content in files.items():
            uploads[kind] = accept_upload(
                kind=kind, name=f"{kind}.csv", chunks=[content], actor=business.actor
            )
            run_waiting("default")
    return uploads


def make_serving(people: range, artifact: Path) -> Business:
    """A business with these people's data, and a version of the bundle that serves."""
    business = make_business("Shopkeeper")
    stock(business, people)
    publish(business, give_version(business, artifact))
    return business


def publish(business, version: Version) -> None:
    with business.scope:
        approve_version(version_id=version.id, actor=business.actor, reason="Good figures.")
        publish_version(version_id=version.id, actor=business.actor)
