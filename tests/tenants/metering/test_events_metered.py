"""The meters agree with what is stored, and a used-up month or a full place keeps nothing."""

import pytest

from tenants.accounts.models import Tenant
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Event, EventBatch, QuarantinedRow, Upload
from tenants.consent.vocabulary import ConsentEvent
from tenants.errors import AppError
from tenants.isolation.names import tenant_folder
from tenants.metering.meters import EVENTS, HELD, UPLOADED
from tenants.metering.queries import used
from tenants.metering.record import count
from tenants.metering.storage import stored_bytes
from tenants.work.run import run_waiting
from tests.tenants.behaviour.streams import event, post, public_key, sent
from tests.tenants.behaviour.uploads import accept, agree, events, process, tell

FILE = events(("u1", "i1", "01"), ("u1", "i1", "01"), ("u2", "i1", "02"), ("u1", "i1", "99"))


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path / "uploads"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    settings.JOB_ROOT = tmp_path / "jobs"
    return tmp_path


def grant(business, **granted: int) -> None:
    with business.scope:
        Tenant.objects.filter(pk=business.tenant.id).update(granted=granted)


def metered(business, meter: str = EVENTS) -> float:
    with business.scope:
        return used([meter])[meter]


def rows(business) -> int:
    with business.scope:
        return Event.objects.count()


def files(folder) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_the_meter_of_events_is_the_number_of_rows_however_they_came(alice):
    agree(alice, "u1")
    process(alice, FILE)
    assert (metered(alice), rows(alice)) == (1, 1)
    process(alice, FILE)  # the same again
    assert (metered(alice), rows(alice)) == (1, 1)
    sent(alice, event(), event(item_id="i2"), event(user_id="u2", item_id="i2"), event(type="?"))
    assert (metered(alice), rows(alice)) == (2, 2)
    sent(alice, event(user_id="u3", item_id="i3"))
    assert (metered(alice), rows(alice)) == (2, 2)
    tell(alice, ConsentEvent.GIVEN, ["u2", "u3"])
    run_waiting("default")
    assert (metered(alice), rows(alice)) == (5, 5)


def test_a_held_row_that_was_stored_meanwhile_is_not_counted_again(alice):
    agree(alice, "u1")
    sent(alice, event(user_id="u2"))
    tell(alice, ConsentEvent.GIVEN, ["u2"])
    sent(alice, event(user_id="u2"))
    run_waiting("default")
    with alice.scope:
        assert not QuarantinedRow.objects.exists()
    assert (metered(alice), rows(alice)) == (1, 1)


def test_held_rows_have_a_meter_of_their_own_however_they_came(alice):
    agree(alice, "u1")
    process(alice, FILE)
    assert (metered(alice), metered(alice, HELD)) == (1, 1)
    process(alice, FILE)
    sent(alice, event(user_id="u3"), event(user_id="u3"), event(user_id="u2", type="?"))
    sent(alice, event(user_id="u3"), key=public_key(alice))
    with alice.scope:
        assert QuarantinedRow.objects.count() == metered(alice, HELD) == 2
    assert (metered(alice), rows(alice)) == (1, 1)


def test_held_rows_use_up_the_month_with_the_stored_ones(alice):
    """Or whoever reads a public key in a page could fill the database."""
    agree(alice, "u1")
    sent(alice, event(), event(user_id="u2"))
    grant(alice, events_per_month=20)
    with alice.scope:
        count(HELD, 17)
    key = public_key(alice)
    assert post(alice, event(user_id="u1", item_id="i2"), key=key).status_code == 202
    reply = post(alice, event(user_id="u3"), key=key)
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "quota_exceeded")
    assert (metered(alice), metered(alice, HELD), rows(alice)) == (2, 18, 2)


def test_items_and_consents_are_no_events(alice):
    process(alice, b"item_id\ni1\n", Upload.ITEMS)
    process(alice, b"user_id,purpose,event,event_time\nu1,service,refused,2026-03-01T00:00:00Z\n",
            Upload.CONSENTS)  # fmt: skip
    assert metered(alice) == 0


def test_uploaded_bytes_are_metered(alice):
    accept(alice, FILE)
    accept(alice, b"item_id\ni1\n", Upload.ITEMS)
    assert metered(alice, UPLOADED) == len(FILE) + 11


def test_a_used_up_month_takes_no_events(alice, folders):
    agree(alice, "u1")
    sent(alice, event(), event(item_id="i2"))
    grant(alice, events_per_month=2)
    with alice.scope:
        told = AuditEntry.objects.count()
    reply = post(alice, event(item_id="i3"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "quota_exceeded")
    assert "2 events" in reply.json()["error"]["message"]
    with pytest.raises(AppError) as refused:
        accept(alice, FILE)
    assert refused.value.code == "quota_exceeded"
    assert (metered(alice), rows(alice), files(folders)) == (2, 2, [])
    with alice.scope:
        assert (EventBatch.objects.count(), Upload.objects.count()) == (1, 0)
        assert AuditEntry.objects.count() == told
    accept(alice, b"item_id\ni1\n", Upload.ITEMS)


def test_the_last_request_of_a_month_is_taken_whole(alice):
    agree(alice, "u1")
    grant(alice, events_per_month=1)
    sent(alice, event(), event(item_id="i2"))
    assert metered(alice) == 2


def test_files_are_reckoned_over_all_folders_of_the_tenant_alone(alice, bob, folders):
    for root, business, size in (
        ("uploads", alice, 10), ("artifacts", alice, 100), ("jobs", alice, 1_000),
        ("uploads", bob, 5),
    ):  # fmt: skip
        inner = tenant_folder(folders / root, business.tenant.id) / "inner"
        inner.mkdir(parents=True)
        (inner / "file").write_bytes(bytes(size))
    assert stored_bytes(alice.tenant.id) == 1_110
    assert stored_bytes(bob.tenant.id) == 5


def test_a_file_that_would_not_fit_is_refused_and_not_kept(alice, folders):
    grant(alice, storage_bytes=3 << 20)
    job = tenant_folder(folders / "jobs", alice.tenant.id)
    job.mkdir(parents=True)
    (job / "model").write_bytes(bytes((3 << 20) - len(FILE)))
    with alice.scope:
        told = AuditEntry.objects.count()
    with pytest.raises(AppError) as refused:
        accept(alice, FILE)
    assert refused.value.code == "storage_full"
    assert refused.value.params == {"used": "3.0 MiB", "allowed": "3.0 MiB"}
    assert files(folders) == ["model"]
    with alice.scope:
        assert (Upload.objects.count(), AuditEntry.objects.count()) == (0, told)
    assert metered(alice, UPLOADED) == 0
    (job / "model").unlink()
    accept(alice, FILE)
    assert metered(alice, UPLOADED) == len(FILE)


def test_a_page_words_both_refusals(alice, folders):
    from dashboard.wording.errors import refusal_of

    grant(alice, events_per_month=0)
    with pytest.raises(AppError) as refused:
        accept(alice, FILE)
    assert refusal_of(refused.value).startswith("What you may use in a month is used up.")
    grant(alice, storage_bytes=0)
    with pytest.raises(AppError) as refused:
        accept(alice, FILE)
    assert "of the 0.0 MiB" in refusal_of(refused.value)
