"""Notices and acts of consent for the tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from tenants.consent.ledger import ConsentInput
from tenants.consent.models import Notice
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, Purpose
from tenants.subjects.directory import resolve

BODY = b"We ask for three things, each by itself."
ASKED = [Purpose.SERVICE, Purpose.MODEL_TRAINING, Purpose.PERSONALISED_RECOMMENDATION]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NAMED = {"notice_id": "privacy", "notice_version": "1", "notice_language": "en"}


def archive(business, **changed: Any) -> Notice:
    """The notice that grants of these tests name."""
    told = {
        "notice_id": "privacy",
        "version": "1",
        "language": "en",
        "body": BODY,
        "purposes": ASKED,
        "actor": business.actor,
        "pii_categories": ["purchases"],
    }
    with business.scope:
        return archive_notice(**{**told, **changed})


def act(user: str, event: ConsentEvent, days: float = 0, **more: Any) -> ConsentInput:
    """One act for model training; inside a scope. A grant names the archived notice."""
    named = NAMED if event in (ConsentEvent.GIVEN, ConsentEvent.RENEWED) else {}
    values = {
        "subject_id": resolve([user])[user],
        "purpose": Purpose.MODEL_TRAINING,
        "event": event,
        "event_time": BEGIN + timedelta(days=days),
        "collection_method": CollectionMethod.WEB_FORM,
        **named,
    }
    return ConsentInput(**{**values, **more})


def post(business, **body: Any):
    return Client().post(
        "/v1/consents", body, content_type="application/json", headers=business.headers
    )


def grant(business, user: str = "u1", purpose: str = "model_training", **more: Any):
    """A grant by the API, which must be accepted."""
    told = {"user_id": user, "purpose": purpose, "event": "given", **NAMED}
    reply = post(business, **{**told, **more})
    assert reply.status_code == 201, reply.content
    return reply.json()
