"""A shop whose people come from four countries: the north buys the same again, the south anything.

East and west are eight people each, too few to be shown, and together enough to hide in.
"""

import csv
import io
import random
from datetime import UTC, datetime, timedelta

from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Upload
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import archive

MAPPING = {"context.country": "Country"}
SHELVES = ("front", "back")


def country(person: int) -> str:
    if person < 16:
        return "east" if person % 2 else "west"
    return "north" if person % 2 else "south"


def shelf(item: int) -> str:
    return SHELVES[item >= 12]


def purchases(people: range = range(shop.SUBJECTS)) -> bytes:
    """Weekly purchases with the shelf of the item and the country of the person."""
    chance = random.Random(11)
    start = datetime.now(UTC) - timedelta(weeks=shop.WEEKS)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["user_id", "item_id", "item_title", "item_category", "type", "occurred_at",
                     "Country"])  # fmt: skip
    for person in people:
        favourites = chance.sample(range(shop.ITEMS), 2)
        for week in range(shop.WEEKS):
            steady = country(person) == "north"
            for item in favourites if steady else chance.sample(range(shop.ITEMS), 2):
                moment = start + timedelta(weeks=week, hours=chance.randrange(24 * 6))
                # Where somebody was at first is of no account later.
                where = "abroad" if week == 0 else country(person)
                title = f"{shop.WORDS[item % 10]} {shop.WORDS[item // 3 % 10]} {item}"
                writer.writerow([shop.user(person), f"item-{item:02d}", title, shelf(item),
                                 "purchase", moment.isoformat(), where])  # fmt: skip
    return text.getvalue().encode()


def stock(business, *, consenting: range = range(shop.SUBJECTS)) -> None:
    """Everybody's purchases, and consent to training by some, processed."""
    archive(business)
    everyday = [purpose for purpose in shop.PURPOSES if purpose != "model_training"]
    people = range(shop.SUBJECTS)
    files = (
        (Upload.CONSENTS, shop.consents(people, everyday), None),
        (Upload.CONSENTS, shop.consents(consenting, ["model_training"]), None),
        (Upload.EVENTS, purchases(people), MAPPING),
    )
    for kind, content, mapping in files:
        with business.scope:
            accept_upload(
                kind=kind, name="file.csv", chunks=[content], actor=business.actor, mapping=mapping
            )
        run_waiting("default")
