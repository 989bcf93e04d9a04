"""Files fetched from an address: streamed into the vault, from where a tenant may reach alone."""

from datetime import timedelta

import fsspec
import pytest
from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving import sources
from tenants.behaviour.models import Event, Upload
from tenants.behaviour.processing import ingest
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.behaviour.fetched import ADDRESS, FILE, ask, read
from tests.tenants.behaviour.uploads import agree, lose_the_worker


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def bucket(monkeypatch):
    """A store of fsspec's in memory, which there is in tests alone."""
    system = fsspec.filesystem("memory")
    system.pipe_file("/shop-exports/2026/events.csv", FILE)
    opened = sources.store("memory", lambda secrets: {})
    scheme = sources.Scheme(opened, "", ("key", "secret"), ("key",))
    monkeypatch.setitem(sources.SCHEMES, "memory", scheme)
    yield system
    system.rm("/shop-exports", recursive=True)


def test_a_file_is_fetched_processed_and_told(alice, bucket, folder):
    agree(alice, "u1")
    reply = ask(alice)
    assert reply.status_code == 202
    body = reply.json()
    assert (body["name"], body["source"], body["status"], body["bytes"]) == (
        "events.csv", ADDRESS, "received", 0,
    )  # fmt: skip
    run_waiting("default")
    done = read(alice, body["id"])
    assert (done["status"], done["bytes"], done["report"]["accepted"]) == ("done", len(FILE), 1)
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    with alice.scope:
        entries = AuditEntry.objects.filter(object_id=body["id"]).order_by("seq")
        told = [(entry.action, entry.detail.get().details) for entry in entries]
    assert told[0] == ("upload.accepted", {"kind": "events", "source": "memory"})
    assert told[1][0] == "upload.arrived" and told[1][1]["bytes"] == len(FILE)


def test_what_opens_an_address_is_sealed_and_forgotten(alice, bucket):
    address = f"{ADDRESS}?X-Amz-Signature=s3cret"
    bucket.pipe_file("/shop-exports/2026/events.csv?X-Amz-Signature=s3cret", FILE)
    body = ask(alice, address, credentials={"key": "AKIA-MINE", "secret": "hush"}).json()
    assert body["source"] == ADDRESS
    with alice.scope:
        row = Upload.objects.get()
        assert row.source_sealed and b"AKIA" not in bytes(row.source_sealed)
    run_waiting("default")
    assert read(alice, body["id"])["status"] == "done"
    with alice.scope:
        assert Upload.objects.get().source_sealed is None


def test_it_is_forgotten_too_when_the_file_is_refused(alice, bucket):
    body = ask(alice, "memory://shop-exports/nothing.csv").json()
    run_waiting("default")
    failed = read(alice, body["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "source_not_found")
    with alice.scope:
        assert Upload.objects.get().source_sealed is None
        assert not Event.objects.exists()


def test_a_store_that_fails_is_asked_three_times(alice, monkeypatch, caplog):
    asked = []

    def away(address, secrets):
        asked.append(address)
        raise RuntimeError("AKIA-MINE is not my key")

    monkeypatch.setitem(sources.SCHEMES, "memory", sources.Scheme(away))
    body = ask(alice).json()
    for _ in range(5):
        WorkItem.objects.filter(state="waiting").update(run_at=now() - timedelta(hours=1))
        run_waiting("default")
    assert read(alice, body["id"])["error"]["code"] == "source_unreachable"
    assert len(asked) == 3
    assert "AKIA" not in caplog.text


def test_a_file_above_the_limit_or_the_storage_is_refused(alice, bucket, settings, folder):
    settings.UPLOAD_LIMIT_BYTES = 10
    first = ask(alice).json()
    run_waiting("default")
    assert read(alice, first["id"])["error"]["code"] == "source_too_large"
    settings.UPLOAD_LIMIT_BYTES = 1 << 30
    second = ask(alice).json()
    with alice.scope:
        Tenant.objects.update(granted={"storage_bytes": len(FILE) - 1})
    run_waiting("default")
    assert read(alice, second["id"])["error"]["code"] == "source_no_room"
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_an_empty_file_is_refused(alice, bucket):
    bucket.pipe_file("/shop-exports/empty", b"")
    body = ask(alice, "memory://shop-exports/empty").json()
    run_waiting("default")
    assert read(alice, body["id"])["error"]["code"] == "empty_file"


class Killed(BaseException):
    """Ends a worker as SIGKILL would: nothing catches it."""


def test_a_worker_killed_while_it_fetches_begins_anew_and_counts_nothing_twice(
    alice, bucket, monkeypatch, folder
):
    agree(alice, "u1")
    body = ask(alice).json()

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("tenants.behaviour.arriving.fetching.vault.keep", dies)
        with pytest.raises(Killed):
            run_waiting("default")
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    done = read(alice, body["id"])
    assert (done["status"], done["report"]["accepted"]) == ("done", 1)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_file_that_is_here_is_not_fetched_again(alice, bucket, monkeypatch):
    agree(alice, "u1")
    body = ask(alice).json()
    with monkeypatch.context() as patched:
        patched.setattr(ingest, "make_plan", lambda *a, **k: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run_waiting("default")
    bucket.pipe_file("/shop-exports/2026/events.csv", b"changed meanwhile")
    lose_the_worker()
    queue.reap()
    run_waiting("default")
    assert read(alice, body["id"])["report"]["accepted"] == 1


NO_SOURCES = [
    "file:///etc/passwd", "/etc/passwd", "local://etc/passwd", "http://example.com/a.csv",
    "ftp://example.com/a.csv", "sftp://example.com/a", "simplecache::s3://b/k", "s3://", "s3://b",
    "s3://bucket", "s3://bucket/", "s3://Bucket_/key", "s3://../../etc/passwd", "gs://b/",
    "memory://shop-exports/2026/events.csv", "https://user:pw@example.com/a", "https:///a",
    "https://example.com:8080/a", "https://example.com:x/a", "https://exa mple.com/a", "s3",
    "github://a:b@c/d", "reference://x", "jupyter://x/y",
]  # fmt: skip


@pytest.mark.parametrize("address", NO_SOURCES)
def test_an_address_of_no_known_kind_is_refused_at_once(alice, address):
    reply = ask(alice, address)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "source")
    with alice.scope:
        assert not Upload.objects.exists()


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "redis", "db.internal", "2130706433"],
)
def test_a_host_that_is_plainly_private_is_refused_at_once(alice, host):
    reply = ask(alice, f"https://{host}/a.csv")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "source_private")


def test_a_store_is_opened_with_what_was_given_and_nothing_of_this_machine():
    mine = sources.of_s3({"key": "k", "secret": "s"})
    assert (mine["anon"], mine["endpoint_url"], mine["key"], mine["profile"]) == (
        False, None, "k", None,
    )  # fmt: skip
    assert mine["config_kwargs"]["ignore_configured_endpoint_urls"] is True
    assert sources.of_s3({})["anon"] is True
    assert sources.of_gs({}) == {"token": "anon", "endpoint_url": None}


ODD = [
    {"credentials": {"endpoint_url": "http://10.0.0.1"}},
    {"credentials": {"secret": "without a key"}},
    {"credentials": {"key": 5}},
    {"credentials": {"key": ""}},
    {"credentials": "key"},
    {"name": "x"},
    {"bytes": 5},
]


@pytest.mark.parametrize("more", ODD, ids=str)
def test_odd_credentials_and_fields_are_refused(alice, bucket, more):
    reply = ask(alice, **more)
    assert reply.status_code == 400
    with alice.scope:
        assert not Upload.objects.exists()


def test_a_store_whose_package_is_not_here_says_so(alice, monkeypatch):
    monkeypatch.setattr(sources, "is_installed", lambda protocol: False)
    reply = ask(alice, "s3://bucket/key.csv")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "source_not_here")
    assert "s3fs" in reply.json()["error"]["message"]
