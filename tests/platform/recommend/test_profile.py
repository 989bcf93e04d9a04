"""What is derived of a person can be seen, and taken out, through the real API."""

import polars as pl
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from recommend.context import context_of_subject
from recommend.derived import _bundle
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Item
from tenants.subjects.directory import resolve
from tenants.subjects.models import Subject
from tests import shop
from tests.stocked import make_serving
from training.jobs.freezing import freeze

PEOPLE = range(12)
USER = shop.user(1)


@pytest.fixture(scope="module")
def shopkeeper(made_once, artifact):
    business = make_serving(PEOPLE, artifact)
    with business.scope:
        for item in Item.objects.all():
            item.category = f"Category {item.id % 3}"
            item.save(update_fields=["category"])
    return business


def ask(business, user_id: str = USER, limit: int = 30):
    reply = Client().get(
        "/v1/recommendations", {"user_id": user_id, "limit": limit}, headers=business.headers
    )
    assert reply.status_code == 200, reply.content
    return reply.json()


def profile(business, user_id: str = USER, status: int = 200):
    reply = Client().get("/v1/profile", {"user_id": user_id}, headers=business.headers)
    assert reply.status_code == status, reply.content
    return reply.json()


def remove(business, status: int = 201, user_id: str = USER, **what):
    reply = Client().post(
        "/v1/profile/removals", {"user_id": user_id, **what}, content_type="application/json",
        headers=business.headers,
    )  # fmt: skip
    assert reply.status_code == status, reply.content
    return reply.json()


def put_back(business, removal_id: str):
    return Client().delete(f"/v1/profile/removals/{removal_id}", headers=business.headers)


def links_items(business) -> bool:
    """Whether the serving version holds a source of items that go together."""
    with business.scope:
        found = _bundle(context_of_subject(Subject.objects.get(pk=resolve([USER])[USER])))
    return any(name in found.sources for name in ("neighbours", "neighbours_text"))


def cited(answer) -> set[str]:
    """Items that the answer's reasons rest on: those bought before, and those they name."""
    own = {line["item_id"] for line in answer["data"] if line["reason"]["code"] == "bought_before"}
    named = {line["reason"]["params"].get("item") for line in answer["data"]}
    return own | named - {None}


def ranking(answer) -> list[tuple[str, str]]:
    return [(line["item_id"], line["reason"]["text"]) for line in answer["data"]]


def test_what_is_derived_is_what_the_next_answer_counts(shopkeeper):
    told = profile(shopkeeper)
    assert (told["stored"], told["code"], told["removals"]) == (False, None, [])
    with shopkeeper.scope:
        stored = Event.objects.filter(subject_id=resolve([USER])[USER]).count()
    assert sum(line["events"] for line in told["own_history"]) == stored
    assert {line["last_type"] for line in told["own_history"]} == {"purchase"}
    weights = [line["weight"] for line in told["own_history"]]
    assert weights == sorted(weights, reverse=True) and weights[0] > 0
    by_category = {line["category"]: line["events"] for line in told["categories"]}
    assert sum(by_category.values()) == stored and len(by_category) == 3
    assert bool(told["neighbours"]) == links_items(shopkeeper)
    with shopkeeper.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
        assert entry.detail.get().details == {"page": "profile"}


def test_s16_a_removed_item_influences_no_later_ranking(shopkeeper):
    """Algorithm Provisions 17: the next answer is that of somebody who never met the item."""
    favourite = profile(shopkeeper)["own_history"][0]["item_id"]
    before = ask(shopkeeper)
    assert favourite in cited(before)
    remove(shopkeeper, item_id=favourite)
    after = ask(shopkeeper)
    assert after["personalised"] and favourite not in cited(after)
    with shopkeeper.scope:
        subject = resolve([USER])[USER]
        item = Item.objects.get(external_id=favourite)
        Event.objects.filter(subject_id=subject, item=item).delete()
    without = ask(shopkeeper)
    assert ranking(after) == ranking(without)
    assert [line["score"] for line in after["data"]] == pytest.approx(
        [line["score"] for line in without["data"]], abs=1e-3
    )


def test_s16_a_removed_category_influences_no_later_ranking(shopkeeper):
    """Algorithm Provisions 17, a tag of many items: none of them is read any more."""
    category = profile(shopkeeper)["categories"][0]["category"]
    remove(shopkeeper, category=category)
    told = profile(shopkeeper)
    assert category not in {line["category"] for line in told["own_history"]}
    with shopkeeper.scope:
        inside = set(Item.objects.filter(category=category).values_list("external_id", flat=True))
    assert cited(ask(shopkeeper)) & inside == set()
    assert cited(ask(shopkeeper, shop.user(2))) & inside  # nobody else is touched


def test_s16_what_was_removed_is_in_no_later_snapshot(shopkeeper, tmp_path):
    """Algorithm Provisions 17: nor does it train what comes after."""
    with shopkeeper.scope:
        subject = resolve([USER])[USER]
        before = freeze(tmp_path / "before", actor=shopkeeper.actor)
    favourite = profile(shopkeeper)["own_history"][0]["item_id"]
    category = profile(shopkeeper, shop.user(2))["categories"][0]["category"]
    remove(shopkeeper, item_id=favourite)
    remove(shopkeeper, user_id=shop.user(2), category=category)
    with shopkeeper.scope:
        after = freeze(tmp_path / "after", actor=shopkeeper.actor)
        item = Item.objects.get(external_id=favourite).id
        other = resolve([shop.user(2)])[shop.user(2)]
        inside = set(Item.objects.filter(category=category).values_list("id", flat=True))
    rows = pl.read_parquet(tmp_path / "after" / "events.parquet")
    assert rows.filter((pl.col("subject") == subject) & (pl.col("item") == item)).is_empty()
    assert rows.filter(pl.col("subject") == other)["item"].is_in(sorted(inside)).sum() == 0
    assert after.excluded["removed"] == before.events - after.events > 0
    assert rows.filter(pl.col("item") == item).height > 0  # others' events on it count


def test_what_was_removed_can_be_put_back(shopkeeper):
    before = ask(shopkeeper)
    favourite = profile(shopkeeper)["own_history"][0]["item_id"]
    first = remove(shopkeeper, item_id=favourite)
    assert remove(shopkeeper, item_id=favourite)["id"] == first["id"]
    assert [one["item_id"] for one in profile(shopkeeper)["removals"]] == [favourite]
    assert put_back(shopkeeper, first["id"]).json()["deleted"] is True
    assert put_back(shopkeeper, first["id"]).status_code == 404
    again = ask(shopkeeper)
    assert ranking(again) == ranking(before)
    with shopkeeper.scope:
        log = AuditEntry.objects.filter(action__startswith="profile.").order_by("seq")
        assert [entry.action for entry in log] == ["profile.removed", "profile.returned"]
        assert favourite not in str([entry.detail.get().details for entry in log])


@pytest.mark.parametrize(
    ("what", "status", "code"),
    [
        ({}, 400, "item_or_category"),
        ({"item_id": "item-00", "category": "Category 0"}, 400, "item_or_category"),
        ({"item_id": "nothing"}, 404, "not_found"),
        ({"category": "nothing"}, 404, "not_found"),
        ({"user_id": "nobody", "item_id": "item-00"}, 404, "not_found"),
    ],
)
def test_a_faulty_removal_changes_nothing(shopkeeper, what, status, code):
    assert remove(shopkeeper, status, **what)["error"]["code"] == code
    assert profile(shopkeeper)["removals"] == []


def test_nothing_is_derived_of_who_does_not_consent(shopkeeper, bob):
    reply = Client().post(
        "/v1/rights_requests", {"user_id": USER, "kind": "objection"},
        content_type="application/json", headers=shopkeeper.headers,
    )  # fmt: skip
    assert reply.status_code == 201
    told = profile(shopkeeper)
    assert (told["code"], told["own_history"], told["neighbours"]) == ("objected", [], [])
    profile(shopkeeper, "nobody", 404)
    profile(bob, USER, 404)


def test_an_answer_stays_two_statements_with_removals(shopkeeper):
    """What may be known, and what is told: each one question to the database."""
    remove(shopkeeper, category="Category 1")
    ask(shopkeeper)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        ask(shopkeeper)
    asked = [one["sql"] for one in seen if "recommend_" in one["sql"]]
    assert len(asked) == 2
    others = [one["sql"] for one in seen if "recommend_" not in one["sql"]]
    assert [sql for sql in others if not sql.startswith(("SAVEPOINT", "RELEASE"))] == []
