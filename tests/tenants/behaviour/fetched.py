"""Asking for files to be fetched, for the tests about it."""

from django.test import Client

from tests.tenants.behaviour.uploads import events

FILE = events(("u1", "i1", "01"), ("u2", "i1", "02"))
ADDRESS = "memory://shop-exports/2026/events.csv"


def ask(business, source: str = ADDRESS, **more: object):
    return Client().post(
        "/v1/uploads",
        {"kind": "events", "source": source, **more},
        content_type="application/json",
        headers=business.headers,
    )


def read(business, upload_id: str) -> dict[str, object]:
    return Client().get(f"/v1/uploads/{upload_id}", headers=business.headers).json()
