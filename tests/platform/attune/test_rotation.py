"""SECRET_KEY is rotated by fallback: the new one signs, the old one is still read."""

import pytest
from django.test import Client

from tests.business import PASSWORD


def signed_in(client: Client) -> bool:
    return client.get("/data/").status_code == 200


@pytest.fixture
def client(alice, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "o" * 50, []
    client = Client()
    reply = client.post("/accounts/login/", {"login": alice.owner.email, "password": PASSWORD})
    assert reply.status_code == 302 and signed_in(client)
    return client


def test_a_session_outlives_the_rotation_of_its_key(client, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, ["o" * 50]
    assert signed_in(client)
    settings.SECRET_KEY_FALLBACKS = []  # the session was signed anew when it was seen
    assert signed_in(client)


def test_a_key_that_was_dropped_at_once_ends_its_sessions(client, settings):
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 50, []
    assert not signed_in(client)
