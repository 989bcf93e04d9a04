"""Each class of data ends after its time, no sooner, and a tenant may only keep less."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import ProgrammingError, connection, transaction
from django.utils.timezone import now

from compliance.models import RetentionChoice
from compliance.retention import expiring
from compliance.retention.choosing import choose_retention, days_kept
from compliance.retention.classes import BY_CODE, CLASSES
from compliance.retention.expiring import expire, expire_now
from recommend.models import Decision
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.behaviour.models import Event, EventBatch, Item, QuarantinedRow, RejectedRows, Upload
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.services import record_batch
from tenants.consent.vocabulary import ConsentEvent, Purpose
from tenants.errors import AppError
from tenants.ids import uuid7
from tenants.subjects.directory import resolve
from tests.tenants.consent.acts import act, archive
from tests.tenants.isolation.rows import fill_every_table, make_row

# Class -> the model and the time by which its rows are told apart.
TIMED = {
    "events": (Event, "occurred_at"),
    "quarantine": (QuarantinedRow, "created_at"),
    "decisions": (Decision, "occurred_at"),
    "uploads": (Upload, "finished_at"),
    "rejected_rows": (RejectedRows, "created_at"),
    "event_batches": (EventBatch, "received_at"),
}


@pytest.fixture(autouse=True)
def no_turn_taken():
    cache.clear()


# What a row of the class needs beside its time, by its age.
OTHERS = {
    "uploads": lambda days: {"state": "done", "kind": "events"},
    "rejected_rows": lambda days: {"batch": days},
}


def add_event(days_ago: int) -> None:
    subject = resolve(["u1"])["u1"]
    item, _ = Item.objects.get_or_create(external_id="i1")
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into behaviour_event (tenant_id, occurred_at, subject_id, item_id, type, dedup)"
            " values (app_tenant(), now() - make_interval(days => %s), %s, %s, 1, %s)",
            [days_ago, subject, item.pk, uuid7()],
        )


def rows_at(code: str, days_ago: int) -> None:
    """One row of the class that is so old."""
    model, column = TIMED[code]
    moment = now() - timedelta(days=days_ago)
    if code == "events":
        add_event(days_ago)
        return
    given = {column: moment} | OTHERS.get(code, lambda days: {})(days_ago)
    row = make_row(model, {}, **given)
    if column == "created_at":  # set by itself when it is made
        model.objects.filter(pk=row.pk).update(created_at=moment)


@pytest.mark.parametrize("code", sorted(TIMED))
def test_what_is_older_goes_and_nothing_newer_is_touched(alice, bob, code):
    one = BY_CODE[code]
    days = one.default or 400
    for business in (alice, bob):
        with business.scope:
            if one.default is None and business == alice:
                choose_retention(days={code: days}, actor=business.actor)
            for age in (days - 1, days + 1, days + 2):
                rows_at(code, age)
    model, column = TIMED[code]
    assert expire_now(alice.tenant.id) == {code: 2}
    with alice.scope:
        (kept,) = model.objects.values_list(column, flat=True)
        assert kept > now() - timedelta(days=days)
        entry = AuditEntry.objects.order_by("seq").last()
        assert entry.action == "retention.enforced"
        assert AuditDetail.objects.get(entry=entry).details == {"counts": {code: 2}}
    with bob.scope:
        assert model.objects.count() == 3
    assert expire_now(alice.tenant.id) == {}


def test_events_stay_as_long_as_the_tenant_unless_it_chooses(alice):
    with alice.scope:
        add_event(5_000)
    assert expire_now(alice.tenant.id) == {}


def test_deleting_goes_on_in_batches_and_stops_after_its_share(alice, monkeypatch):
    monkeypatch.setattr(expiring, "BATCH", 2)
    monkeypatch.setattr(expiring, "BATCHES", 2)
    with alice.scope:
        choose_retention(days={"events": 30}, actor=alice.actor)
        for _ in range(5):
            add_event(31)
    assert expire_now(alice.tenant.id) == {"events": 4}
    assert expire_now(alice.tenant.id) == {"events": 1}


def test_trouble_with_one_class_does_not_keep_the_others(alice, monkeypatch):
    def broken(before, most):
        raise RuntimeError("disk")

    lines = [
        type(one)(one.code, one.says, one.default, one.least, one.reason, broken)
        if one.code == "decisions" else one
        for one in CLASSES
    ]  # fmt: skip
    monkeypatch.setattr(expiring, "CLASSES", lines)
    with alice.scope:
        rows_at("uploads", 2_000)
        rows_at("decisions", 2_000)
    assert expire_now(alice.tenant.id) == {"uploads": 1}


def test_the_duty_looks_once_an_hour(alice):
    with alice.scope:
        rows_at("uploads", 2_000)
    expire(alice.tenant.id)
    with alice.scope:
        assert Upload.objects.count() == 0
        rows_at("uploads", 2_000)
    expire(alice.tenant.id)
    with alice.scope:
        assert Upload.objects.count() == 1


def grant(user: str, event: ConsentEvent, day: float, keep_days: float | None) -> None:
    until = None if keep_days is None else now() + timedelta(days=keep_days)
    record_batch(acts=[act(user, event, day, purpose=Purpose.SERVICE, retention_until=until)])


def test_consent_records_go_together_when_the_end_of_each_has_passed(alice):
    archive(alice)
    with alice.scope:
        grant("over", ConsentEvent.GIVEN, 9, -2)
        grant("over", ConsentEvent.WITHDRAWN, 10, -1)
        grant("half", ConsentEvent.GIVEN, 9, 5)
        grant("half", ConsentEvent.WITHDRAWN, 10, -1)
        grant("open", ConsentEvent.GIVEN, 9, None)
    assert expire_now(alice.tenant.id) == {"consents": 2}
    with alice.scope:
        subjects = resolve(["over", "half", "open"])
        left = list(ConsentRecord.objects.values_list("subject_id", flat=True))
        assert sorted(left) == sorted([subjects["half"], subjects["half"], subjects["open"]])
        states = dict(ConsentState.objects.values_list("subject_id", "state"))
        assert states == {subjects["half"]: "withdrawn", subjects["open"]: "given"}


@pytest.mark.parametrize("table", ["consent_consentrecord", "behaviour_eventbatch"])
def test_the_database_lets_nothing_go_before_its_time(alice, table):
    with alice.scope:
        fill_every_table()
        make_row(EventBatch, {}, received_at=now() - timedelta(days=179))
        for statement in (f"delete from {table}", f"update {table} set tenant_id = tenant_id"):
            with (
                pytest.raises(ProgrammingError, match=r"append-only|permission denied"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)


def test_a_tenant_may_keep_less_and_go_back(alice):
    with alice.scope:
        choose_retention(days={"events": 400, "decisions": 200}, actor=alice.actor)
        assert days_kept()["events"] == 400 and days_kept()["decisions"] == 200
        choose_retention(days={"events": None, "decisions": 200}, actor=alice.actor)
        assert days_kept()["events"] is None
        entries = AuditEntry.objects.filter(action="retention.chosen").order_by("seq")
        told = [entry.detail.get().details for entry in entries]
    assert told == [{"days": {"events": 400, "decisions": 200}}, {"days": {"events": None}}]


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ({"events": 29}, "bad_retention"),
        ({"events": 36_501}, "bad_retention"),
        ({"decisions": 179}, "bad_retention"),
        ({"decisions": 1096}, "bad_retention"),
        ({"quarantine": 31}, "bad_retention"),
        ({"exports": 3}, "unknown_class"),
        ({"nothing": 3}, "unknown_class"),
    ],
)
def test_a_time_that_the_table_does_not_allow_is_refused_and_changes_nothing(alice, days, code):
    with alice.scope:
        before = AuditEntry.objects.count()
        with pytest.raises(AppError) as refused:
            choose_retention(days={"uploads": 100, **days}, actor=alice.actor)
        assert (refused.value.code, refused.value.param) == (code, next(iter(days)))
        assert RetentionChoice.objects.count() == 0 and AuditEntry.objects.count() == before


def test_the_data_map_names_every_class():
    from pathlib import Path

    page = (Path(__file__).resolve().parents[3] / "docs" / "data-map.md").read_text()
    assert [one.code for one in CLASSES if f"`{one.code}`" not in page] == []
