"""Answers: personal only with consent, always explained, always logged, never another tenant's."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from recommend import answering
from recommend.bundles import BundleCache, BundleUnreadable
from recommend.models import Decision
from tenants.accounts.keys import create_key
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, Item
from tenants.consent.queries import consenting
from tenants.consent.services import lift_flag, set_flag
from tenants.consent.vocabulary import Use
from tenants.subjects.directory import find
from tests import shop
from tests.stocked import make_serving
from tests.trained import give_version
from training.jobs.artifacts import path_of
from training.jobs.queries import serving
from training.jobs.services import approve_version, publish_version, roll_back

PEOPLE = range(12)


@pytest.fixture(scope="module")
def shopkeeper(made_once, artifact):
    """Twelve consenting people, their purchases, and a published version.

    The bundle knows items by number, so the items are given the numbers it was trained on.
    """
    return make_serving(PEOPLE, artifact)


def ask(business, user_id: str | None = shop.user(1), status: int = 200, **query):
    params = {"limit": 5, **query} | ({} if user_id is None else {"user_id": user_id})
    reply = Client().get("/v1/recommendations", params, headers=business.headers)
    assert reply.status_code == status, reply.content
    return reply.json()


def tell(business, user_id: str, event: str, **body):
    body = {
        "user_id": user_id,
        "purpose": "personalised_recommendation",
        "event": event,
        **body,
    }
    reply = Client().post(
        "/v1/consents", body, content_type="application/json", headers=business.headers
    )
    assert reply.status_code == 201, reply.content


def test_a_consenting_person_gets_a_personal_answer_with_reasons(shopkeeper):
    given = ask(shopkeeper)
    assert given["personalised"] and given["code"] is None and given["message"] is None
    assert given["purpose"] == "personalised_recommendation"
    assert len(given["data"]) == 5
    for line in given["data"]:
        assert line["item_id"].startswith("item-") and line["title"].startswith("Thing")
        assert line["reason"]["code"] and line["reason"]["text"]
    scores = [line["score"] for line in given["data"]]
    assert scores == sorted(scores, reverse=True)


def test_a_reason_cites_only_items_of_the_persons_own_history(shopkeeper):
    import csv
    import io

    rows = csv.DictReader(io.StringIO(shop.purchases(PEOPLE).decode()))
    own = {row["item_id"] for row in rows if row["user_id"] == shop.user(1)}
    cited = {
        line["reason"]["params"]["item"]
        for line in ask(shopkeeper, limit=10)["data"]
        if "item" in line["reason"]["params"]
    }
    assert cited and cited <= own


def test_a_personal_answer_tells_how_probable_its_items_are_and_a_common_one_does_not(shopkeeper):
    given = ask(shopkeeper)
    shares = [line["probability"] for line in given["data"]]
    if given["probability_days"] is None:  # too few of a small shop's items are taken up to tell
        assert set(shares) == {None}
    else:
        assert shares == sorted(shares, reverse=True) and 0.0 < shares[-1] <= shares[0] < 1.0
    common = ask(shopkeeper, "nobody")
    assert common["probability_days"] is None
    assert {line["probability"] for line in common["data"]} == {None}


def test_variety_keeps_the_first_item_and_gives_as_many(shopkeeper):
    plain, varied = ask(shopkeeper), ask(shopkeeper, diversity=0.7)
    names = [line["item_id"] for line in varied["data"]]
    assert names[0] == plain["data"][0]["item_id"]
    assert len(set(names)) == 5
    again = ask(shopkeeper, diversity=0)
    assert [line["item_id"] for line in again["data"]] == [
        line["item_id"] for line in plain["data"]
    ]
    with shopkeeper.scope:
        logged = [answer.items for answer in Decision.objects.order_by("occurred_at")]
    assert [{line.get("diversity") for line in lines} for lines in logged] == [
        {None},
        {0.7},
        {None},
    ]


@pytest.mark.parametrize("value", ["-0.1", "1.5", "nan", "much"])
def test_a_share_of_variety_that_makes_no_sense_is_refused(shopkeeper, value):
    told = ask(shopkeeper, status=400, diversity=value)
    assert told["error"]["param"] == "diversity"
    with shopkeeper.scope:
        assert not Decision.objects.exists()


def test_two_people_get_different_personal_answers(shopkeeper):
    answers = {
        tuple(line["item_id"] for line in ask(shopkeeper, shop.user(n))["data"]) for n in range(6)
    }
    assert len(answers) > 1


@pytest.mark.parametrize("event", ["withdrawn", "refused", "opted_out", "invalidated"])
def test_whoever_stops_gets_the_common_list_on_the_next_request(shopkeeper, event):
    """Acceptance statement 15: after "off", the next response is non-personalised."""
    assert ask(shopkeeper)["personalised"]
    tell(shopkeeper, shop.user(1), event)
    after = ask(shopkeeper)
    assert not after["personalised"] and after["code"] == event and after["message"]
    assert after["purpose"] == "analytics"
    assert [line["reason"]["code"] for line in after["data"]] == ["popular_now"] * 5
    stranger = ask(shopkeeper, "nobody")
    assert [x["item_id"] for x in stranger["data"]] == [x["item_id"] for x in after["data"]]


@pytest.mark.parametrize("kind, code", [("restriction", "restricted"), ("objection", "objected")])
def test_s15_whoever_is_restricted_or_objects_gets_the_common_list_on_the_next_request(
    shopkeeper, kind, code
):
    """GDPR 18 and 21; Algorithm Provisions 17: no consent counts meanwhile."""
    assert ask(shopkeeper)["personalised"]
    with shopkeeper.scope:
        told = {"subject_id": find(shop.user(1)).id, "kind": kind, "actor": shopkeeper.actor}
        set_flag(**told, purposes=None, reason="Asked by letter.")
        events = Event.objects.filter(subject_id=told["subject_id"]).count()
    after = ask(shopkeeper)
    assert not after["personalised"] and after["code"] == code and after["message"]
    with shopkeeper.scope:
        assert Event.objects.filter(subject_id=told["subject_id"]).count() == events > 0
        assert told["subject_id"] not in set(
            consenting(Use.POPULARITY).values_list("subject_id", flat=True)
        )
        lift_flag(**told, reason="Settled.")
    assert ask(shopkeeper)["personalised"]


def test_a_fresh_grant_makes_answers_personal_again(shopkeeper):
    at = datetime.now(UTC) - timedelta(minutes=2)
    tell(shopkeeper, shop.user(1), "withdrawn", event_time=at.isoformat())
    assert not ask(shopkeeper)["personalised"]
    tell(
        shopkeeper,
        shop.user(1),
        "given",
        event_time=(at + timedelta(minutes=1)).isoformat(),
        notice_id="privacy",
        notice_version="1",
        notice_language="en",
    )
    assert ask(shopkeeper)["personalised"]


def test_s09_consent_ends_at_its_exact_moment(shopkeeper):
    """Acceptance statement 9."""
    tell(
        shopkeeper,
        shop.user(1),
        "given",
        event_time=(datetime.now(UTC) - timedelta(minutes=2)).isoformat(),
        expires_at=(datetime.now(UTC) - timedelta(seconds=1)).isoformat(),
        notice_id="privacy",
        notice_version="1",
        notice_language="en",
    )
    assert ask(shopkeeper)["code"] == "expired"


def test_an_item_that_is_not_available_is_left_out_at_once(shopkeeper):
    first = ask(shopkeeper)["data"][0]["item_id"]
    with shopkeeper.scope:
        Item.objects.filter(external_id=first).update(available=False)
    after = ask(shopkeeper)["data"]
    assert first not in [line["item_id"] for line in after] and len(after) == 5


def test_every_answer_is_logged_with_its_reasons(shopkeeper):
    given = ask(shopkeeper)
    with shopkeeper.scope:
        row = Decision.objects.get()
        assert row.public_id == given["id"]
        assert row.personalised and len(row.items) == 5 and len(row.subject_ref) == 64
        assert row.items[0]["reason"]["code"] == given["data"][0]["reason"]["code"]
        assert shop.user(1) not in str(row.content())


def test_the_database_refuses_to_change_a_logged_answer(shopkeeper):
    from django.db import ProgrammingError, transaction

    ask(shopkeeper)
    with shopkeeper.scope, pytest.raises(ProgrammingError), transaction.atomic():
        Decision.objects.update(personalised=False)


def test_another_tenant_learns_nothing(shopkeeper, bob):
    given = ask(bob)
    assert given["code"] == "unknown_user"
    assert given["version"] is None and given["data"] == []


def test_a_rollback_counts_from_the_next_answer(shopkeeper, artifact):
    first = ask(shopkeeper)["version"]
    version = give_version(shopkeeper, artifact)
    with shopkeeper.scope:
        approve_version(version_id=version.id, actor=shopkeeper.actor, reason="Newer.")
        publish_version(version_id=version.id, actor=shopkeeper.actor)
    assert ask(shopkeeper)["version"] == version.public_id != first
    with shopkeeper.scope:
        roll_back(actor=shopkeeper.actor)
    assert ask(shopkeeper)["version"] == first


@pytest.mark.parametrize(
    ("query", "param"),
    [({"user_id": None}, "user_id"), ({"limit": 0}, "limit"), ({"limit": "many"}, "limit")],
)
def test_a_bad_question_names_its_field(shopkeeper, query, param):
    error = ask(shopkeeper, status=400, **query)["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["request_id"].startswith("req_")


def test_a_key_without_the_scope_is_refused_and_the_denial_recorded(shopkeeper):
    with shopkeeper.scope:
        _, key = create_key(name="writer", scopes=["events:write"], actor=shopkeeper.actor)
    reply = Client().get(
        "/v1/recommendations", {"user_id": "x"}, headers={"Authorization": f"Bearer {key}"}
    )
    assert reply.status_code == 403
    assert "recommendations:read" in reply.json()["error"]["message"]
    with shopkeeper.scope:
        assert AuditEntry.objects.order_by("-seq")[0].action == "access.denied"
        assert Decision.objects.count() == 0


def digest_of(shopkeeper) -> bytes:
    with shopkeeper.scope:
        return bytes(serving().version.manifest_sha256)


@pytest.fixture
def bundle(shopkeeper, tmp_path):
    """The folder of the version that serves; whole again afterwards."""
    folder = path_of(shopkeeper.tenant.id, digest_of(shopkeeper))
    whole = shutil.copytree(folder, tmp_path / "whole")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.move(whole, folder)


def test_a_damaged_bundle_is_never_served(shopkeeper, bundle):
    digest = digest_of(shopkeeper)
    victim = next(bundle.glob("*.safetensors"))
    victim.write_bytes(victim.read_bytes() + b"x")
    with pytest.raises(BundleUnreadable):
        BundleCache().get(shopkeeper.tenant.id, digest)


@pytest.mark.parametrize("left", ["damaged", "gone"])
def test_a_version_whose_files_cannot_be_read_is_answered_for_by_the_popular_list(
    shopkeeper, bundle, left, caplog, monkeypatch
):
    monkeypatch.setattr(answering, "BUNDLES", BundleCache())
    if left == "gone":
        shutil.rmtree(bundle)
    else:
        victim = bundle / "catalogue.safetensors"
        victim.write_bytes(victim.read_bytes()[:-1] + b"x")
    for _ in range(2):
        given = ask(shopkeeper)
        assert (given["personalised"], given["code"]) == (False, "version_unreadable")
        assert given["message"] and given["purpose"] == "analytics"
        assert {line["reason"]["code"] for line in given["data"]} <= {"popular_now"}
    with shopkeeper.scope:
        assert set(Decision.objects.values_list("version_id", flat=True)) == {None}
    told = [line.getMessage() for line in caplog.records if "cannot be read" in line.getMessage()]
    assert len(told) == 1
    assert digest_of(shopkeeper).hex() in told[0]


def test_a_bundle_is_answered_from_even_if_another_one_pushes_it_out_at_once(alice, artifact):
    version = give_version(alice, artifact)

    class Crowded(BundleCache):
        def _shrink(self) -> None:
            self._held.clear()

    digest = bytes(version.manifest_sha256)
    assert Crowded().get(alice.tenant.id, digest).manifest == version.manifest


def test_the_bundle_cache_stays_within_its_bytes(alice, bob, artifact):
    cache = BundleCache(most_bytes=1)
    for business in (alice, bob):
        version = give_version(business, artifact)
        cache.get(business.tenant.id, bytes(version.manifest_sha256))
    assert len(cache._held) == 1
