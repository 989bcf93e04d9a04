"""A session begins with a sign-in, belongs to one person, and ends when it should."""

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from tenants.accounts.models import Member, Person
from tenants.isolation.scope import person_scope
from tests.business import PASSWORD

NEW = "a better horse battery"


def sign_in(business, client: Client | None = None, **more) -> Client:
    client = client or Client()
    order = {"login": business.owner.email, "password": PASSWORD, **more}
    assert client.post("/accounts/login/", order).status_code == 302
    return client


def signed_in(client: Client) -> bool:
    return client.get("/data/").status_code == 200


def test_a_sign_in_changes_the_sessions_name(alice):
    """Or whoever planted the name before would be signed in, too."""
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = session.session_key
    sign_in(alice, client)
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != planted
    client.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not signed_in(client)


def test_a_session_has_a_long_random_name_that_no_script_reads(alice):
    cookie = sign_in(alice).cookies[settings.SESSION_COOKIE_NAME]
    assert len(cookie.value) == 32
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")


def test_a_sign_out_ends_the_session_on_the_server(alice):
    client = sign_in(alice)
    name = client.cookies[settings.SESSION_COOKIE_NAME].value
    client.post("/accounts/logout/")
    client.cookies[settings.SESSION_COOKIE_NAME] = name
    assert not signed_in(client)


def test_a_link_alone_signs_nobody_out(alice):
    client = sign_in(alice)
    client.get("/accounts/logout/")
    assert signed_in(client)


def test_whoever_is_switched_off_is_out_on_the_next_request(alice):
    client = sign_in(alice)
    with person_scope(alice.owner.pk):
        Person.objects.filter(pk=alice.owner.pk).update(is_active=False)
    assert not signed_in(client)


def test_whoever_lost_their_place_is_out_on_the_next_request(alice):
    client = sign_in(alice)
    with alice.scope:
        Member.objects.filter(person=alice.owner).delete()
    assert client.get("/data/").status_code == 403


def test_a_new_password_needs_the_old_one_and_ends_every_other_session(alice):
    here, elsewhere = sign_in(alice), sign_in(alice)
    order = {"oldpassword": "wrong", "password1": NEW, "password2": NEW}
    assert here.post("/accounts/password/change/", order).status_code == 200
    assert signed_in(elsewhere)
    here.post("/accounts/password/change/", {**order, "oldpassword": PASSWORD})
    assert signed_in(here) and not signed_in(elsewhere)


@pytest.mark.parametrize("password", ["short1", "password", "12345678901", "alice@example.com"])
def test_a_password_that_is_easily_guessed_is_refused(alice, password):
    client = sign_in(alice)
    order = {"oldpassword": PASSWORD, "password1": password, "password2": password}
    assert client.post("/accounts/password/change/", order).status_code == 200
    with person_scope(alice.owner.pk):
        alice.owner.refresh_from_db()
    assert alice.owner.check_password(PASSWORD)


def test_a_password_may_be_long_and_is_taken_as_it_is(alice):
    client, long = sign_in(alice), f" {'Ünï 茶 ' * 16}"
    order = {"oldpassword": PASSWORD, "password1": long, "password2": long}
    assert client.post("/accounts/password/change/", order).status_code == 302
    with person_scope(alice.owner.pk):
        alice.owner.refresh_from_db()
    assert alice.owner.check_password(long) and not alice.owner.check_password(long.strip())


def test_guessing_a_password_is_stopped_after_five_times(alice):
    cache.clear()
    replies = [
        Client().post("/accounts/login/", {"login": alice.owner.email, "password": f"wrong{n}"})
        for n in range(6)
    ]
    assert b"Too many failed" in replies[-1].content
    right = {"login": alice.owner.email, "password": PASSWORD}
    assert Client().post("/accounts/login/", right).status_code == 200
    cache.clear()


def test_a_wrong_password_and_an_unknown_address_read_alike(alice):
    pages = []
    for email in (alice.owner.email, "nobody@example.com"):
        reply = Client().post("/accounts/login/", {"login": email, "password": "wrong"})
        pages.append(list(map(str, reply.context["form"].non_field_errors())))
        assert reply.status_code == 200
    assert pages[0] == pages[1] != []


FOREIGN = ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]


@pytest.mark.parametrize("target", FOREIGN)
def test_no_sign_in_leads_to_another_site(alice, target):
    reply = Client().post(
        "/accounts/login/", {"login": alice.owner.email, "password": PASSWORD, "next": target}
    )
    assert reply["Location"] == "/start/"


@pytest.mark.parametrize("target", FOREIGN)
def test_no_choice_of_language_leads_to_another_site(db, target):
    reply = Client().post("/i18n/setlang/", {"language": "en", "next": target})
    assert reply["Location"] == "/"


@pytest.mark.parametrize("path", ["/keys/new/", "/data/upload/", "/audit/verify/", "/try/"])
def test_no_form_of_another_site_is_accepted(alice, path):
    client = Client(enforce_csrf_checks=True)
    with person_scope(alice.owner.pk):
        client.force_login(alice.owner, backend=settings.AUTHENTICATION_BACKENDS[0])
    assert client.post(path, {}).status_code == 403
    assert client.post(path, {}, headers={"HX-Request": "true"}).status_code == 403
