"""Uploading, keys and the audit log through their forms: what is accepted, what is refused."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.timezone import localdate, now

from tenants.accounts.models import APIKey, Role, Tenant
from tenants.audit.models import AuditEntry
from tenants.audit.verify import Verdict
from tenants.behaviour.models import Upload
from tests.platform.dashboard.test_pages import text_of

UPLOAD = "/data/upload/"
XHR = {"X-Requested-With": "XMLHttpRequest"}


def file(content: bytes = b"user_id,item_id,occurred_at\n1,2,2024-01-01\n") -> SimpleUploadedFile:
    return SimpleUploadedFile("events.csv", content)


def order(**changes):
    return {"file": file(), "kind": "events"} | changes


def test_without_a_script_the_browser_is_redirected(alice):
    reply = alice.browser().post(UPLOAD, order())
    with alice.scope:
        upload = Upload.objects.get()
    assert (reply.status_code, reply["Location"]) == (
        302,
        f"/data/uploads/{upload.public_id}/mapping/",
    )
    assert upload.state == Upload.LOOKING


def test_faults_come_back_beside_their_fields_and_keep_nothing(alice):
    client = alice.browser()
    for changes, said in (
        ({"file": file(b"")}, "The submitted file is empty."),
        ({"kind": "songs"}, "songs is not one of the available choices."),
    ):
        reply = client.post(UPLOAD, order(**changes), headers=XHR)
        assert reply.status_code == 422
        assert said in text_of(reply)
    with alice.scope:
        assert Upload.objects.count() == 0


def test_an_analyst_cannot_upload_consent_records(alice):
    client = alice.browser(Role.ANALYST)
    reply = client.post(UPLOAD, order(kind="consents"))
    assert reply.status_code == 422
    with alice.scope:
        assert Upload.objects.count() == 0


def test_a_new_key_is_shown_once_is_not_cached_and_works(alice):
    client = alice.browser()
    scopes = ["recommendations:read", "events:read"]
    wanted = {"name": "Web shop", "kind": "restricted", "scopes": scopes}
    reply = client.post("/keys/new/", wanted)
    with alice.scope:
        key = APIKey.objects.get(name="Web shop")
    secret = reply.context["secret"]
    assert secret in text_of(reply)
    assert f"Authorization: Bearer {secret}" in reply.context["curl"]
    assert reply["Cache-Control"] == "no-store"
    assert secret not in client.get("/keys/").content.decode()
    asked = Client().get("/v1/uploads", headers={"Authorization": f"Bearer {secret}"})
    assert asked.status_code == 200
    client.post(reverse("dashboard:revoke", args=[key.public_id]))
    asked = Client().get("/v1/uploads", headers={"Authorization": f"Bearer {secret}"})
    assert asked.status_code == 401


def test_a_key_without_scope_or_with_a_past_end_is_refused_beside_the_field(alice):
    client = alice.browser()
    past = (localdate() - timedelta(days=2)).isoformat()
    form = {"name": "A", "kind": "restricted"}
    reply = client.post("/keys/new/", form)
    assert "Choose at least one scope." in text_of(reply)
    reply = client.post("/keys/new/", {**form, "scopes": ["events:read"], "expires": past})
    assert reply.status_code == 422
    assert "The expiry lies in the past. Choose a later day." in text_of(reply)
    with alice.scope:
        assert not APIKey.objects.filter(name="A").exists()


def test_a_public_key_is_made_for_its_pages_alone(alice):
    wanted = {"name": "Web", "kind": "public", "origins": "https://shop.example/\n", "scopes": []}
    reply = alice.browser().post("/keys/new/", wanted)
    assert reply.status_code == 200
    assert reply.context["secret"].startswith("ak_public_live_")
    assert "https://shop.example" in reply.context["curl"]
    with alice.scope:
        key = APIKey.objects.get(name="Web")
    assert (key.scopes, key.origins) == (["events:write"], ["https://shop.example"])


@pytest.mark.parametrize(
    "wrong, field, says",
    [
        ({"kind": "public", "origins": "shop.example"}, "origins", "Write each page as"),
        ({"kind": "secret", "origins": "https://a.example"}, "origins", "Only a public key"),
        ({"requests_per_second": "0"}, "requests_per_second", "greater than or equal"),
        ({"kind": "master"}, "kind", "Select a valid choice"),
    ],
)
def test_a_key_that_makes_no_sense_comes_back_beside_its_field(alice, wrong, field, says):
    form = {"name": "A", "kind": "restricted", "scopes": ["events:read"], **wrong}
    reply = alice.browser().post("/keys/new/", form)
    assert reply.status_code == 422
    assert says in str(reply.context["form"].errors[field])
    with alice.scope:
        assert not APIKey.objects.filter(name="A").exists()


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "UTC", "Pacific/Auckland"])
@pytest.mark.parametrize(
    "day, says", [("9999-12-31", "a day within ten years"), ("0001-01-01", "lies in the past")]
)
def test_a_day_at_the_end_of_time_is_refused_in_every_zone(alice, zone, day, says):
    with alice.scope:
        Tenant.objects.update(timezone=zone)
    form = {"name": "A", "kind": "restricted", "scopes": ["events:read"], "expires": day}
    browser = alice.browser()
    reply = browser.post("/keys/new/", form)
    assert reply.status_code == 422
    assert says in text_of(reply)
    assert browser.get("/keys/").status_code == 200
    with alice.scope:
        assert not APIKey.objects.filter(name="A").exists()


def test_a_replaced_key_works_beside_its_successor_for_the_chosen_time(alice):
    client = alice.browser()
    with alice.scope:
        old = APIKey.objects.get()
    reply = client.post(f"/keys/{old.public_id}/rotate/", {"overlap": "24"})
    secret = reply.context["secret"]
    assert "The key that it replaces works until" in text_of(reply)
    for key in (alice.key, secret):
        asked = Client().get("/v1/uploads", headers={"Authorization": f"Bearer {key}"})
        assert asked.status_code == 200
    with alice.scope:
        old.refresh_from_db()
        assert old.replaced_by.scopes == old.scopes
    assert timedelta(hours=23) < old.expires_at - now() < timedelta(hours=25)
    assert "Being replaced" in text_of(client.get("/keys/"))
    again = client.post(f"/keys/{old.public_id}/rotate/", {"overlap": "24"})
    assert again.status_code == 409


def test_a_key_that_is_replaced_without_overlap_is_refused_at_once(alice):
    with alice.scope:
        old = APIKey.objects.get()
    reply = alice.browser().post(f"/keys/{old.public_id}/rotate/", {"overlap": "0"})
    assert reply.status_code == 200
    asked = Client().get("/v1/uploads", headers=alice.headers)
    assert asked.status_code == 401


def test_the_log_is_filtered_by_action_outcome_and_day(alice):
    client = alice.browser(Role.AUDITOR)
    client.get("/")  # refused, so denied
    everything = client.get("/audit/").context["entries"]
    denied = client.get("/audit/", {"outcome": "denied"}).context["entries"]
    keys = client.get("/audit/", {"action": "key.created"}).context["entries"]
    tomorrow = (now() + timedelta(days=2)).date().isoformat()
    later = client.get("/audit/", {"since": tomorrow})
    assert [row["entry"].action for row in denied] == ["access.denied"]
    assert [row["entry"].action for row in keys] == ["key.created"]
    assert len(everything) > 2
    assert "No entry passes the filters" in text_of(later)


def test_the_log_is_verified_by_a_button_and_the_act_is_an_entry(alice):
    client = alice.browser(Role.AUDITOR)
    with alice.scope:
        before = AuditEntry.objects.count()
    reply = client.post("/audit/verify/", headers={"HX-Request": "true"})
    assert (
        f"The log is whole: {before} entries, 0 seals and 0 signed checkpoints verify."
        in text_of(reply)
    )
    with alice.scope:
        last = AuditEntry.objects.order_by("-seq").first()
    assert (last.action, last.seq) == ("log.verified", before + 1)


@pytest.mark.parametrize(
    "waiting, says",
    [
        (0, ""),
        (1, "1 entry more is stored and gets its number within a minute."),
        (2, "2 entries more are stored and get their numbers within a minute."),
    ],
)
def test_a_verified_log_tells_what_waits_for_its_number(alice, monkeypatch, waiting, says):
    verdict = Verdict(ok=True, entries=3, seals=0, waiting=waiting)
    monkeypatch.setattr("dashboard.pages.audit.verify_log", lambda actor: verdict)
    text = text_of(alice.browser(Role.AUDITOR).post("/audit/verify/"))
    assert "The log is whole: 3 entries" in text
    assert says in text and ("within a minute" in text) == bool(waiting)
