"""What a person does with their own account, on allauth's pages, behind the wall of persons."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from tenants.accounts.queries import person_with
from tests.business import PASSWORD

NEXT = "a quite different phrase"


@pytest.fixture(autouse=True)
def no_earlier_attempts(db):
    """The limits count in the cache, which no test rolls back."""
    cache.clear()


def password_is(email: str, password: str) -> bool:
    return person_with(email).check_password(password)


def test_signing_in_notes_the_moment(alice):
    assert person_with("alice@example.com").last_login is None
    sent = {"login": "Alice@Example.com", "password": PASSWORD}
    browser = Client()
    assert browser.post("/accounts/login/", sent)["Location"] == "/start/"
    assert person_with("alice@example.com").last_login is not None
    assert browser.get("/").status_code == 200
    assert browser.post("/accounts/logout/").status_code == 302
    assert browser.get("/").status_code == 302


@pytest.mark.parametrize("login", ["", "nobody@example.com", "a\0b@example.com", "x" * 300])
def test_an_unknown_address_is_refused_like_a_wrong_password(alice, login):
    wrong = Client().post("/accounts/login/", {"login": "alice@example.com", "password": "x"})
    reply = Client().post("/accounts/login/", {"login": login, "password": "x"})
    assert (reply.status_code, wrong.status_code) == (200, 200)
    if login == "nobody@example.com":
        said = [page.context["form"].non_field_errors() for page in (wrong, reply)]
        assert said[0] == said[1]


def test_an_unknown_address_costs_the_same_hash(alice, monkeypatch):
    from django.contrib.auth.hashers import MD5PasswordHasher

    spent = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher,
        "encode",
        lambda *given, **more: spent.append(1) or encode(*given, **more),
    )
    for login in ("alice@example.com", "nobody@example.com"):
        Client().post("/accounts/login/", {"login": login, "password": "wrong"})
        assert len(spent) == 1, login
        spent.clear()


def test_a_password_is_changed_by_whoever_knows_the_old_one(alice):
    browser = alice.browser()
    wish = {"oldpassword": PASSWORD, "password1": NEXT, "password2": NEXT}
    refused = browser.post("/accounts/password/change/", {**wish, "oldpassword": "wrong"})
    assert refused.status_code == 200
    assert password_is("alice@example.com", PASSWORD)
    assert browser.get("/accounts/password/change/").status_code == 200
    assert browser.post("/accounts/password/change/", wish).status_code == 302
    assert password_is("alice@example.com", NEXT)
    assert browser.get("/").status_code == 200


def test_a_forgotten_password_is_replaced_by_the_link_that_was_sent(alice):
    browser = Client()
    assert browser.get("/accounts/password/reset/").status_code == 200
    reply = browser.post("/accounts/password/reset/", {"email": "Alice@example.com"})
    assert reply["Location"] == "/accounts/password/reset/done/"
    (sent,) = mail.outbox
    assert sent.to == ["alice@example.com"]
    path = re.search(r"/accounts/password/reset/key/\S+", sent.body).group()
    form = browser.get(path)["Location"]
    wish = {"password1": NEXT, "password2": NEXT}
    assert browser.post(form, wish)["Location"] == "/accounts/password/reset/key/done/"
    assert password_is("alice@example.com", NEXT)
    assert "Location" not in Client().get(path)


@pytest.mark.parametrize("email", ["nobody@example.com", "a\0b@example.com"])
def test_asking_for_a_stranger_sends_nothing(alice, email):
    reply = Client().post("/accounts/password/reset/", {"email": email})
    assert reply.status_code in (200, 302)
    assert mail.outbox == []


@pytest.mark.parametrize("name", ["x", "0" * 32, "zz-"])
def test_a_made_up_link_replaces_nothing(alice, name):
    path = f"/accounts/password/reset/key/{name}-abc-def/"
    assert Client().get(path).status_code == 200
    path = f"/accounts/password/reset/key/{alice.owner.pk.hex}-abc-def/"
    assert "Location" not in Client().get(path)
    assert password_is("alice@example.com", PASSWORD)


def test_a_member_proves_again_who_they_are(alice):
    browser = alice.browser()
    assert browser.get("/accounts/reauthenticate/").status_code == 200
    assert browser.post("/accounts/reauthenticate/", {"password": "wrong"}).status_code == 200
    assert browser.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


UNUSED = (
    "signup",
    "email",
    "confirm-email",
    "confirm-email/x",
    "login/code/confirm",
    "password/set",
)


@pytest.mark.parametrize("path", UNUSED)
def test_pages_that_are_not_used_do_not_exist(alice, path):
    assert alice.browser().get(f"/accounts/{path}/").status_code == 404
