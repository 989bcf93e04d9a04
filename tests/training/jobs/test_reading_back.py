"""Events read back as arrays are what the database holds: every value, null and label."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from django.db import connection

from tenants.behaviour.models import Event
from tests import shop
from tests.stocked import stock
from tests.tenants.behaviour.streams import event, sent
from training.jobs.grouping import label_params
from training.jobs.models import DeclaredGroups
from training.jobs.reading_back import event_frame, label_names, read_events


@pytest.fixture
def stocked(alice, settings, tmp_path):
    """Alice's shop, with acts of one person that have neither value nor quantity."""
    settings.UPLOAD_ROOT = tmp_path
    stock(alice, range(3))
    told = {"user_id": shop.user(0), "item_id": "item-01", "type": "view", "event_id": None}
    sent(
        alice,
        event(**told, occurred_at="2026-03-01T10:00:00.123456Z", context={"country": "FR"}),
        event(**told, occurred_at="2026-03-01T10:00:01Z", context={"country": "DE"}),
        event(**told, occurred_at="2026-03-01T10:00:02Z"),
    )
    return alice


def test_every_value_is_read_as_it_is_stored(stocked):
    with stocked.scope:
        columns = read_events(label_params(DeclaredGroups()))
        frame = event_frame(columns, {})
        stored = Event.objects.order_by("subject_id", "occurred_at", "id").values_list(
            "subject_id", "item_id", "type", "occurred_at", "value", "quantity"
        )
        time = pl.col("occurred_at").cast(pl.Datetime("us", "UTC"))
        read = frame.with_columns(time).drop("label").rows()
        assert len(read) == Event.objects.count() > 100
        for one, other in zip(read, stored, strict=True):
            assert one[:4] == other[:4]
            assert one[4:] == tuple(None if n is None else float(np.float32(n)) for n in other[4:])
        assert frame.filter(pl.col("value").is_null()).height == 3
        assert frame["label"].null_count() == frame.height


def test_labels_come_by_their_names_and_the_rest_has_none(stocked):
    keys = DeclaredGroups(tenant_id=stocked.tenant.id, subjects="country")
    with stocked.scope:
        params = label_params(keys)
        frame = event_frame(read_events(params), label_names(params))
        marked = frame.drop_nulls("label").select("occurred_at", "label").rows()
    first = datetime(2026, 3, 1, 10, 0, 0, 123456, UTC)
    assert [label for _, label in marked] == ["FR", "DE"]
    assert marked[0][0] == int(first.timestamp()) * 1_000_000 + 123456
    assert frame.height > 100


def test_who_allows_nothing_is_not_read(stocked):
    with stocked.scope:
        with connection.cursor() as cursor:
            cursor.execute("update consent_consentstate set state = 'withdrawn'")
        assert len(read_events(label_params(DeclaredGroups()))["subject"]) == 0
