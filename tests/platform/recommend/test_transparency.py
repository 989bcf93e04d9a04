"""Every answer says on what it rests: a reason for each item, the version, and the purpose."""

import pytest
from django.test import Client

from recommend.models import Decision
from tenants.ids import public_id
from tests import shop
from tests.stocked import publish, stock
from tests.trained import give_version
from training.engine.bundle import Bundle


def ask(business, user_id: str):
    reply = Client().get(
        "/v1/recommendations", {"user_id": user_id, "limit": 5}, headers=business.headers
    )
    assert reply.status_code == 200, reply.content
    return reply.json()


def told_whole(business, answer) -> bool:
    """Whether each line has a reason in code and words, and the log says the same."""
    with business.scope:
        logged = Decision.objects.latest("id")
        version = public_id("version", logged.version_id) if logged.version_id else None
    assert (answer["purpose"], answer["version"]) == (logged.purpose, version)
    assert [line["reason"]["code"] for line in answer["data"]] == [
        line["reason"]["code"] for line in logged.items
    ]
    return bool(answer["data"]) and all(
        line["reason"]["code"] and line["reason"]["text"] for line in answer["data"]
    )


@pytest.mark.parametrize(
    ("user_id", "purpose", "code"),
    [
        (shop.user(1), "personalised_recommendation", None),
        ("nobody we know", "analytics", "unknown_user"),
    ],
)
def test_s43_an_answer_returns_its_reasons_its_version_and_its_purpose(
    alice, artifact, user_id, purpose, code
):
    """PIPL 24; GDPR 13(2)(f): whoever it is for, and what is written into the log is the same."""
    stock(alice, range(12))
    version = give_version(alice, artifact)
    publish(alice, version)
    answer = ask(alice, user_id)
    assert (answer["purpose"], answer["code"]) == (purpose, code)
    assert answer["version"] == version.public_id
    assert told_whole(alice, answer)
    assert Bundle.load(artifact).manifest["serves"]


def test_s43_an_answer_without_a_version_says_so(alice):
    """PIPL 24: no model took part; the reason is what many chose."""
    stock(alice, range(shop.SUBJECTS))
    answer = ask(alice, shop.user(1))
    assert (answer["version"], answer["code"]) == (None, "no_version")
    assert told_whole(alice, answer)
