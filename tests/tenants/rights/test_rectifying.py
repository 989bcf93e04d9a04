"""Rectification: what is wrong is corrected, and what was sent before does not bring it back."""

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.landing.correcting import act_of
from tenants.behaviour.models import Event, QuarantinedRow, Upload
from tenants.rights.models import Correction
from tenants.subjects.directory import external_id_of, find, resolve
from tenants.subjects.models import Subject
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import archive
from tests.tenants.rights.asking import exported, refused, rows, send, taken, verified
from tests.trained import give_version
from training.jobs.models import SnapshotSubject
from training.jobs.told import snapshots_with, versions_with

GRANT = {
    "purpose": "personalised_recommendation", "event": "given", "notice_id": "privacy",
    "notice_version": "1", "notice_language": "en",
}  # fmt: skip
ACT = {
    "user_id": "u1", "item_id": "lamp", "type": "purchase", "event_id": "order-1",
    "occurred_at": "2026-03-01T12:00:00Z", "value": 10.0, "quantity": 1,
}  # fmt: skip


def post(business, path: str, body) -> dict:
    reply = Client().post(path, body, content_type="application/json", headers=business.headers)
    assert reply.status_code in (201, 202), reply.content
    return reply.json()


@pytest.fixture
def bought(alice):
    """Alice, whose shopper u1 consents and has bought a lamp."""
    archive(alice)
    post(alice, "/v1/consents", {**GRANT, "user_id": "u1"})
    assert post(alice, "/v1/events", ACT)["accepted"] == 1
    return alice


def event(business) -> Event:
    with business.scope:
        return Event.objects.get()


def test_an_event_is_corrected_and_the_old_file_changes_nothing(bought):
    """GDPR 16; PIPL 46."""
    request_id = verified(bought, "rectification")
    told = send(
        bought, f"/{request_id}/corrections", 201, event_id="order-1",
        change={"value": 12.5, "type": "view", "occurred_at": "2026-03-02T12:00:00Z"},
    )  # fmt: skip
    assert (told["kind"], told["version"]) == ("event_changed", 1)
    assert told["columns"] == ["occurred_at", "type", "value"]
    now = event(bought)
    assert (now.value, now.type, now.occurred_at.day, now.quantity) == (12.5, 1, 2, 1.0)
    assert post(bought, "/v1/events", ACT)["duplicate"] == 1
    assert event(bought).value == 12.5
    assert rows(exported(bought, "u1"), "correction")[0]["columns"] == told["columns"]
    with bought.scope:
        entry = AuditEntry.objects.get(action="subject.corrected")
        assert "12.5" not in str(entry.detail.get().details) and entry.subject_ref
    done = send(bought, f"/{request_id}/complete", answer="The price is right now.")
    assert done["status"] == "done"


def test_a_deleted_event_stays_away(bought):
    request_id = verified(bought, "rectification")
    told = send(bought, f"/{request_id}/corrections", 201, event_id="order-1", delete=True)
    assert told["kind"] == "event_deleted"
    again = post(bought, "/v1/events", ACT)
    assert (again["accepted"], again["duplicate"]) == (0, 1)
    with bought.scope:
        assert not Event.objects.exists()
    other = {**ACT, "event_id": "order-2"}
    assert post(bought, "/v1/events", other)["accepted"] == 1


def could_land(business) -> bool:
    """Whether another transaction could begin to land rows now."""
    question = "select pg_try_advisory_xact_lock_shared(hashtextextended(%s, 0))"
    told = [f"erasure:{business.tenant.id}"]
    with psycopg.connect(**connection.get_connection_params()) as other:
        (answer,) = other.execute(question, told).fetchone()
    return answer


def test_no_copy_is_landed_while_an_event_is_deleted(bought):
    """It would wait for the old row to go, and take its place."""
    request_id = verified(bought, "rectification")
    assert could_land(bought)
    send(bought, f"/{request_id}/corrections", 201, event_id="order-1", delete=True)
    assert not could_land(bought)


def test_no_event_is_deleted_while_held_rows_are_freed(alice):
    archive(alice)
    assert post(alice, "/v1/events", ACT)["quarantined"] == 1
    post(alice, "/v1/consents", {**GRANT, "user_id": "u1"})
    with CaptureQueriesContext(connection) as asked:
        run_waiting("default")
    told = [query["sql"].lower() for query in asked]
    stands, reads, frees = (
        next(number for number, sql in enumerate(told) if part in sql)
        for part in ("'erasure:", "behaviour_quarantinedrow", 'delete from "behaviour_quar')
    )
    assert stands < reads < frees


def test_a_held_copy_of_a_deleted_event_goes_and_none_is_held_again(bought):
    post(bought, "/v1/consents", {**GRANT, "user_id": "u1", "event": "withdrawn"})
    assert post(bought, "/v1/events", ACT)["quarantined"] == 1
    request_id = verified(bought, "rectification")
    send(bought, f"/{request_id}/corrections", 201, event_id="order-1", delete=True)
    assert post(bought, "/v1/events", ACT)["duplicate"] == 1
    with bought.scope:
        assert not QuarantinedRow.objects.exists() and not Event.objects.exists()


def test_a_persons_id_is_corrected(bought):
    request_id = verified(bought, "rectification")
    with bought.scope:
        resolve(["taken"])
    refused_code = refused(bought, f"/{request_id}/corrections", user_id="taken")
    assert refused_code == "id_taken"
    told = send(bought, f"/{request_id}/corrections", 201, user_id="right-id")
    assert (told["kind"], told["frozen"]) == ("id_changed", 0)
    with bought.scope:
        subject = find("right-id")
        assert find("u1") is None and subject.id == event(bought).subject_id
        assert external_id_of(Subject.objects.get(pk=subject.id)) == "right-id"
        stored = Correction.objects.get()
        assert b"right-id" not in bytes(stored.after_hash) and stored.before_hash is None
    reply = (
        Client().get("/v1/recommendations", {"user_id": "right-id"}, headers=bought.headers).json()
    )
    assert reply["code"] == "no_version"  # known, and consenting


def renamed(business) -> None:
    """u1 is called right-id from now on."""
    request_id = verified(business, "rectification")
    send(business, f"/{request_id}/corrections", 201, user_id="right-id")
    send(business, f"/{request_id}/complete", answer="You are called so now.")


def sent_again(business) -> None:
    """What was sent of u1 comes again, and something new: all of it is refused."""
    grant = {**GRANT, "user_id": "u1", "event_time": "2026-01-01T00:00:00Z"}
    reply = Client().post(
        "/v1/consents", grant, content_type="application/json", headers=business.headers
    )
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "erased")
    old = shop.consents(range(1), ["service"]).replace(shop.user(0).encode(), b"u1")
    with business.scope:
        file = accept_upload(kind=Upload.CONSENTS, name="old", chunks=[old], actor=business.actor)
    run_waiting("default")
    with business.scope:
        file.refresh_from_db()
        outcomes = [(one["bucket"], one["code"]) for one in file.report["outcomes"]]
    assert outcomes == [("rejected", "erased")]
    for act in (ACT, {**ACT, "event_id": "order-2"}):
        told = post(business, "/v1/events", act)
        assert [one["code"] for one in told["rows"]] == ["erased"]
    with business.scope:
        assert find("u1") is None and not QuarantinedRow.objects.exists()


def test_what_comes_under_the_old_id_makes_nobody(bought):
    renamed(bought)
    sent_again(bought)
    with bought.scope:
        assert Subject.objects.count() == 1
        assert Event.objects.get().subject_id == find("right-id").id
    post(bought, "/v1/consents", {**GRANT, "user_id": "u1"})  # somebody else, from now on
    assert post(bought, "/v1/events", {**ACT, "event_id": "order-3"})["accepted"] == 1
    with bought.scope:
        assert find("u1").id != find("right-id").id


def test_s23_a_corrected_and_then_erased_person_does_not_come_back_under_the_old_id(bought):
    """GDPR 17."""
    renamed(bought)
    request_id = verified(bought, "erasure", "right-id")
    send(bought, f"/{request_id}/complete")
    run_waiting("default")
    sent_again(bought)
    with bought.scope:
        assert not Subject.objects.filter(erased_at=None).exists()
        assert not Event.objects.exists()


def test_an_id_that_is_corrected_back_is_the_persons_own_again(bought):
    renamed(bought)
    back = verified(bought, "rectification", "right-id")
    send(bought, f"/{back}/corrections", 201, user_id="u1")
    assert post(bought, "/v1/events", ACT)["duplicate"] == 1
    assert post(bought, "/v1/events", {**ACT, "event_id": "order-2"})["accepted"] == 1


def test_what_was_frozen_before_is_said_to_hold_the_old_value(bought, artifact):
    version = give_version(bought, artifact)
    with bought.scope:
        subject = resolve(["u1"])["u1"]
        SnapshotSubject.objects.create(
            snapshot=version.snapshot, subject_id=subject, events=1, content_hash=b"x",
            consent_record_id=version.id,
        )  # fmt: skip
        assert [line["holds_uncorrected"] for line in versions_with(subject)] == [False]
        assert snapshots_with(subject) == 1
    request_id = verified(bought, "rectification")
    told = send(bought, f"/{request_id}/corrections", 201, event_id="order-1", change={"value": 1})
    assert told["frozen"] == 1
    with bought.scope:
        assert [line["holds_uncorrected"] for line in versions_with(subject)] == [True]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"event_id": "order-1"}, 400, None),
        ({"event_id": "order-1", "delete": True, "change": {"value": 1}}, 400, None),
        ({"event_id": "order-1", "user_id": "x"}, 400, None),
        ({"event_id": "order-1", "change": {"type": "veiw"}}, 400, "unknown_type"),
        ({"event_id": "order-1", "change": {"value": 10.0}}, 400, "nothing_changed"),
        ({"event_id": "order-1", "change": {"price": 1}}, 400, None),
        (
            {"event_id": "order-1", "change": {"occurred_at": "2999-01-01T00:00:00Z"}},
            400,
            "act_later",
        ),
        ({"event_id": "order-9", "delete": True}, 404, "not_found"),
    ],
)
def test_a_faulty_correction_changes_nothing(bought, body, status, code):
    request_id = verified(bought, "rectification")
    told = send(bought, f"/{request_id}/corrections", status, **body)["error"]
    assert code in (None, told["code"])
    assert event(bought).value == 10.0
    with bought.scope:
        assert not Correction.objects.exists()


def test_only_who_asked_and_was_identified_is_corrected(bought):
    post(bought, "/v1/consents", {**GRANT, "user_id": "u2"})
    fix = {"event_id": "order-1", "delete": True}
    of_another = verified(bought, "rectification", "u2")
    send(bought, f"/{of_another}/corrections", 404, **fix)
    early = taken(bought, "rectification")
    assert refused(bought, f"/{early}/corrections", **fix) == "identity_missing"
    access = verified(bought, "access")
    assert refused(bought, f"/{access}/corrections", **fix) == "no_rectification"
    assert event(bought).value == 10.0


def test_the_hash_of_an_act_is_that_under_which_it_was_stored(bought):
    with bought.scope:
        assert act_of("order-1") == event(bought).dedup
