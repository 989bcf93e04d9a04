"""An answer tells the item's own facts: traits of a person choose items, never a price."""

import pytest
from django.test import Client

from tenants.behaviour.models import Event, Item
from tests import shop
from tests.stocked import make_serving
from training.jobs.declaring import declare_groups

PEOPLE = range(12)
# What an answer tells of an item; another field that could hold terms must be looked at here.
TOLD = {"item_id", "title", "category", "price", "score", "probability", "reason"}
# Its place, and why it stands there.
OWN = {"score", "probability", "reason"}


@pytest.fixture(scope="module")
def shopkeeper(made_once, artifact):
    """A shopkeeper whose items have prices and whose people come from two countries."""
    business = make_serving(PEOPLE, artifact)
    with business.scope:
        for number, item in enumerate(Item.objects.order_by("id")):
            item.price = 10 + number
            item.save(update_fields=["price"])
        for number, subject in enumerate(
            Event.objects.values_list("subject_id", flat=True).distinct().order_by("subject_id")
        ):
            country = {"country": ("GB", "CN")[number % 2]}
            Event.objects.filter(subject_id=subject).update(context=country)
    return business


def told(business, user_id: str) -> dict[str, dict[str, object]]:
    """What an answer says of each item, without its place and its reason."""
    query = {"user_id": user_id, "limit": 100}
    reply = Client().get("/v1/recommendations", query, headers=business.headers)
    assert reply.status_code == 200, reply.content
    lines = reply.json()["data"]
    assert lines and all(set(line) == TOLD for line in lines)
    return {line["item_id"]: {name: line[name] for name in TOLD - OWN} for line in lines}


def test_s44_no_trait_of_a_person_changes_the_price_or_any_other_fact_of_an_item(shopkeeper):
    """PIPL 24; Algorithm Provisions 21: no unreasonable difference in price or other terms."""
    with shopkeeper.scope:
        own = {item.external_id: item.price for item in Item.objects.all()}
        declare_groups(subjects="country", items="", actor=shopkeeper.actor)
    answers = [told(shopkeeper, shop.user(number)) for number in PEOPLE]
    answers.append(told(shopkeeper, "a stranger"))
    assert len({tuple(answer) for answer in answers}) > 1  # people do get different items
    for answer in answers:
        assert {item: line["price"] for item, line in answer.items()} == {
            item: own[item] for item in answer
        }
    first: dict[str, dict[str, object]] = {}
    for answer in answers:
        for item, line in answer.items():
            assert first.setdefault(item, line) == line


def test_s44_an_answer_without_consent_shows_the_same_prices(shopkeeper):
    """PIPL 24: whoever refuses to be profiled pays what everybody pays."""
    before = told(shopkeeper, shop.user(1))
    body = {"user_id": shop.user(1), "purpose": "personalised_recommendation"}
    reply = Client().post(
        "/v1/consents", {**body, "event": "withdrawn"},
        content_type="application/json", headers=shopkeeper.headers,
    )  # fmt: skip
    assert reply.status_code == 201
    after = told(shopkeeper, shop.user(1))
    assert {item: line for item, line in after.items() if item in before} == {
        item: line for item, line in before.items() if item in after
    }
