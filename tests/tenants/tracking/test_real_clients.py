"""segment-analytics-python as it comes from PyPI, against the real web server, nothing set but the
host: every event arrives once, also when the server is killed half way.
"""

from segment.analytics.client import Client

from launcher.ports import any_free
from tenants.behaviour.models import Event, EventBatch, WaitingRequest
from tests.tenants.behaviour.uploads import agree
from tests.tenants.tracking.calls import landed
from tests.web_server import served, until

EVENTS = 600


def items(business) -> list[str]:
    """The items of what is stored, one for each event."""
    landed(business)
    with business.scope:
        return list(Event.objects.order_by("id").values_list("item__external_id", flat=True))


def acknowledged(business) -> int:
    """How many events have come; nothing has landed them yet."""
    with business.scope:
        return sum(WaitingRequest.objects.values_list("acts", flat=True))


def test_every_event_of_the_real_library_arrives_once_though_the_server_is_killed(
    committed, tmp_path
):
    alice = committed("Alice")
    agree(alice, "u1")
    port, failed = any_free(), []
    client = Client(
        alice.key,
        host=f"http://127.0.0.1:{port}",
        on_error=lambda error, batch: failed.append(error),
        upload_interval=0.05,
        upload_size=10,
    )
    with served(tmp_path, port=port) as server:
        for number in range(EVENTS):
            assert client.track("u1", "Product Viewed", {"product_id": f"i{number}"})[0]
        until(lambda: acknowledged(alice) >= EVENTS // 3, "a third of the events")
        server.server.kill()
    assert len(items(alice)) < EVENTS
    with served(tmp_path, port=port):
        client.shutdown()
    assert failed == []
    assert sorted(items(alice)) == sorted(f"i{number}" for number in range(EVENTS))


def test_every_call_of_the_real_library_is_taken(committed, tmp_path):
    alice = committed("Alice")
    agree(alice, "u1")
    failed = []
    with served(tmp_path) as server:
        client = Client(
            alice.key,
            host=f"http://127.0.0.1:{server.port}",
            gzip=True,
            on_error=lambda error, batch: failed.append(error),
        )
        client.identify("u1", {"email": "u1@example.com"})
        client.group("u1", "g1", {"name": "Group"})
        client.alias("anon", "u1")
        client.page("u1", "Shop", "Lamp", {"product_id": "lamp"})
        client.screen("u1", "App", "Lamp", {"product_id": "lamp"})
        client.track(
            "u1",
            "Order Completed",
            {"order_id": "o1", "products": [{"product_id": "lamp", "price": 5, "quantity": 2}]},
        )
        client.shutdown()
    assert failed == []
    landed(alice)
    with alice.scope:
        batches = list(EventBatch.objects.all())
        stored = sorted(Event.objects.values_list("type", "value"))
    assert stored == [(1, None), (1, None), (4, 10.0)]
    told = {one["code"]: one["count"] for batch in batches for one in batch.outcomes}
    assert told == {"identify": 1, "group": 1, "alias": 1}
