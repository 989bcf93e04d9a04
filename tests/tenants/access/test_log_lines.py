"""What a request leaves in the log: its id and its path, never whom it was about."""

import logging

import pytest
from django.test import Client

from tenants.access.middleware import RequestIdFilter


def test_a_line_carries_the_id_of_the_request_that_it_is_about(db, caplog):
    """Also Django's own line about a refused request, which it writes after the middleware."""
    caplog.handler.addFilter(by_id := RequestIdFilter())
    with caplog.at_level(logging.DEBUG):
        replies = [Client().get("/nowhere"), Client().get("/v1/uploads")]
    caplog.handler.removeFilter(by_id)
    lines = [line for line in caplog.records if line.name == "django.request"]
    assert [line.request_id for line in lines] == [reply["X-Request-Id"] for reply in replies]


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/uploads", "/nowhere"])
def test_no_line_names_the_person_asked_about(alice, caplog, path):
    person = "person-4711"
    with caplog.at_level(logging.DEBUG):
        Client().get(f"{path}?user_id={person}", headers=alice.headers)
        Client().get(f"{path}?user_id={person}")
    assert person not in caplog.text
