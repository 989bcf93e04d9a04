"""Erasing a person: what goes at once, what a worker destroys, and the second look a day later."""

import pytest
from django.db import connection

from tenants.access.models import IdempotentAnswer
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.audit.verify import verify_chain
from tenants.behaviour.models import Event, QuarantinedRow, Upload
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.departure import files
from tenants.departure.models import TenantExport
from tenants.departure.services import request_export
from tenants.erasure import sweeping
from tenants.erasure.counting import KEPT, counts, left
from tenants.erasure.models import Erasure
from tenants.erasure.queries import status_of
from tenants.erasure.services import begin_erasure
from tenants.erasure.sweeping import look
from tenants.errors import Conflict, NotFound
from tenants.subjects.directory import audit_ref, find, resolve
from tenants.subjects.keys import audit_pseudonym, lookup_of
from tenants.subjects.models import Subject, SubjectKey
from tenants.work.models import WorkItem
from tests.tenants.erasure.erasures import ANNA, BEN, a_day_later, erase, fill, work


def test_s21_after_an_erasure_no_store_holds_the_person_and_no_row_holds_their_id(alice):
    """GDPR 17; PIPL 47."""
    fill(alice)
    with alice.scope:
        anna, ben = find(ANNA).id, find(BEN).id
        lookup, theirs = lookup_of(alice.tenant.id, ANNA), counts(ben)
        events = Event.objects.filter(subject_id=anna).count()
    erasure = erase(alice)
    with alice.scope:
        assert erasure.before["event"] == events > 0
        assert left(erasure.after) == {}
        assert {name for name, count in erasure.after.items() if count} <= set(KEPT)
        assert find(ANNA) is None
        assert not SubjectKey.objects.filter(subject_id=anna).exists()
        assert not Event.objects.filter(subject_id=anna).exists()
        assert not ConsentState.objects.filter(subject_id=anna).exists()
        assert ConsentRecord.objects.filter(subject_id=anna).exists()
        assert counts(ben) == theirs
    for needle in (ANNA.encode(), lookup):
        assert found_in_rows(alice, needle) == []


def found_in_rows(business, needle: bytes) -> list[str]:
    """Tables of which some row holds these bytes, as text or as bytes."""
    found = []
    with business.scope, connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            try:
                text = needle.decode()
            except UnicodeDecodeError:
                text = "\\x" + needle.hex()
            cursor.execute(
                f'select count(*) from "{table}" t where strpos(t::text, %s) > 0', [text]
            )
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_the_look_for_an_id_in_rows_can_find_one(alice):
    fill(alice)
    with alice.scope:
        IdempotentAnswer.objects.create(name=ANNA.encode(), request=b"x")
    assert found_in_rows(alice, b"\x00".join([b"never"])) == []
    assert found_in_rows(alice, lookup_of(alice.tenant.id, ANNA)) == ["subjects_subject"]


def test_the_person_is_in_no_answer_from_the_next_request_on(alice, client):
    fill(alice)
    address = f"/v1/recommendations?user_id={ANNA}"
    before = client.get(address, headers=alice.headers).json()
    assert before["code"] == "no_version"
    erase(alice, sweep=False)
    assert client.get(address, headers=alice.headers).json()["code"] == "unknown_user"


def test_s33_after_the_key_is_gone_the_chain_verifies_and_nothing_links_to_the_person(alice):
    """GDPR 17; EDPB 02/2025."""
    fill(alice)
    with alice.scope:
        anna = find(ANNA).id
        reference = audit_ref(anna)
    erase(alice)
    with alice.scope:
        entry = AuditEntry.objects.get(action="erasure.begun")
        assert entry.subject_ref == reference
        assert audit_ref(anna) == ""
        again = resolve([ANNA])[ANNA]  # the same person, were they to come back
        assert again != anna and audit_ref(again) != reference
        verdict = verify_chain()
        assert verdict.code == ""
    assert reference != audit_pseudonym(bytes(32), alice.tenant.id, anna)


def test_the_erasure_tells_the_log_what_it_found_and_which_keys_it_destroyed(alice):
    fill(alice)
    erasure = erase(alice)
    with alice.scope:
        begun = AuditEntry.objects.get(action="erasure.begun")
        told = AuditDetail.objects.get(entry=begun).details
        assert begun.seq == erasure.audit_seq and begun.object_id == erasure.public_id
        assert begun.reason == "request-1"
        assert told["keys"] == erasure.keys and len(erasure.keys) == 1
        assert told["held"]["subject_key"] == 1
        swept = AuditEntry.objects.get(action="erasure.swept")
        assert AuditDetail.objects.get(entry=swept).details == {"left": {}, "models_due": False}


def test_nobody_is_erased_twice_and_nobody_elses_person_at_all(alice, bob):
    fill(alice)
    with alice.scope:
        anna = find(ANNA).id
    with pytest.raises(NotFound), bob.scope:
        begin_erasure(subject_id=anna, actor=bob.actor)
    erase(alice)
    with pytest.raises(Conflict) as refused, alice.scope:
        begin_erasure(subject_id=anna, actor=alice.actor)
    assert refused.value.code == "already_erased"


def test_exports_made_before_are_destroyed_and_one_under_way_ends_without_a_file(alice):
    fill(alice)
    with alice.scope:
        made = request_export(actor=alice.actor)
    work(alice)
    with alice.scope:
        under_way = request_export(actor=alice.actor)
        assert files.exists(alice.tenant.id, made.id)
    erasure = erase(alice, sweep=False)
    assert erasure.before["exports"] == 2
    work(alice)
    with alice.scope:
        made.refresh_from_db()
        under_way.refresh_from_db()
        assert (made.state, under_way.state) == (TenantExport.EXPIRED, TenantExport.FAILED)
        assert under_way.error == "erased"
        assert not files.exists(alice.tenant.id, made.id)
        assert not files.exists(alice.tenant.id, under_way.id)
        fresh = request_export(actor=alice.actor)
    work(alice)
    with alice.scope:
        fresh.refresh_from_db()
        assert fresh.state == TenantExport.DONE
        assert counts(erasure.subject_id)["exports"] == 0


def test_kept_answers_are_forgotten_and_the_write_still_happens_once(alice, client):
    fill(alice)
    how = {
        "content_type": "application/json",
        "headers": {**alice.headers, "Idempotency-Key": "one"},
    }
    body = {"user_id": BEN, "item_id": "item-01", "type": "view", "event_id": "e1"}
    assert client.post("/v1/events", body, **how).status_code == 202
    erase(alice)
    again = client.post("/v1/events", body, **how)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "idempotent_answer_erased")


def test_after_a_day_everything_is_counted_again_and_what_came_meanwhile_goes(alice):
    fill(alice)
    erasure = erase(alice)
    with alice.scope:
        QuarantinedRow.objects.create(
            subject_id=erasure.subject_id, code="no_record", sealed=b"x", dedup=erasure.id,
            expires_at=erasure.begun_at,
        )  # fmt: skip
    look(alice.tenant.id)
    with alice.scope:
        erasure.refresh_from_db()
        assert (erasure.state, erasure.rescanned_at) == (Erasure.SWEPT, None)
    a_day_later(alice, erasure)
    look(alice.tenant.id)
    with alice.scope:
        status = status_of(erasure.id)
        assert status.state == Erasure.FINISHED and status.finished_at
        entry = AuditEntry.objects.get(action="erasure.rescanned")
        details = AuditDetail.objects.get(entry=entry).details
        assert details == {"found": {"quarantined_row": 1}, "left": {}}
        assert left(counts(erasure.subject_id)) == {}
        assert Subject.objects.get(pk=erasure.subject_id).erased_at < erasure.swept_at


def rescans(business) -> list[tuple[str, dict]]:
    with business.scope:
        entries = AuditEntry.objects.filter(action="erasure.rescanned").order_by("seq")
        return [
            (entry.outcome, AuditDetail.objects.get(entry=entry).details) for entry in entries
        ]  # fmt: skip


def test_the_second_look_marks_what_no_sweep_reaches(alice):
    fill(alice)
    erasure = erase(alice)
    with alice.scope:
        kept = IdempotentAnswer.objects.create(name=b"n", request=b"x", sealed=b"y")
        IdempotentAnswer.objects.filter(pk=kept.pk).update(created_at=erasure.begun_at)
    a_day_later(alice, erasure)
    look(alice.tenant.id)
    with alice.scope:
        kept.refresh_from_db()
        assert kept.sealed is None
        assert status_of(erasure.id).state == Erasure.FINISHED
    assert rescans(alice) == [("success", {"found": {"kept_answers": 1}, "left": {}})]


def test_s21_an_erasure_is_not_finished_while_anything_is_left(alice):
    """GDPR 17: the second look comes again until it finds nothing, and says so once."""
    fill(alice)
    erasure = erase(alice)
    with alice.scope:
        unread = Upload.objects.create(
            kind=Upload.EVENTS, name="x", bytes=1, sha256=b"x", actor_ref="x"
        )
        Upload.objects.filter(pk=unread.pk).update(created_at=erasure.begun_at)
    a_day_later(alice, erasure)
    failed = ("failure", {"found": {"waiting_uploads": 1}, "left": {"waiting_uploads": 1}})
    for _ in range(2):
        look(alice.tenant.id)
        with alice.scope:
            erasure.refresh_from_db()
            assert (erasure.state, erasure.rescanned_at) == (Erasure.SWEPT, None)
        assert rescans(alice) == [failed]
    with alice.scope:
        Upload.objects.filter(pk=unread.pk).update(state=Upload.DONE)
    look(alice.tenant.id)
    with alice.scope:
        assert status_of(erasure.id).state == Erasure.FINISHED
    assert rescans(alice) == [failed, ("success", {"found": {}, "left": {}})]


def test_an_erasure_that_fails_keeps_no_other_from_its_end(alice, monkeypatch):
    fill(alice)
    anna, ben = erase(alice, ANNA), erase(alice, BEN)
    for erasure in (anna, ben):
        a_day_later(alice, erasure)

    def counted(subject_id: int) -> dict[str, int]:
        if subject_id == anna.subject_id:
            raise OSError("the store is away")
        return {}

    with monkeypatch.context() as away:
        away.setattr(sweeping, "overdue", counted)
        look(alice.tenant.id)
    with alice.scope:
        assert status_of(anna.id).state == Erasure.SWEPT
        assert status_of(ben.id).state == Erasure.FINISHED
    look(alice.tenant.id)
    with alice.scope:
        assert status_of(anna.id).state == Erasure.FINISHED


def test_a_sweep_that_nobody_promises_any_more_is_promised_again(alice):
    fill(alice)
    erasure = erase(alice, sweep=False)
    WorkItem.objects.filter(kind="erasure").update(state=WorkItem.FAILED)
    look(alice.tenant.id)
    work(alice)
    with alice.scope:
        erasure.refresh_from_db()
        assert erasure.state == Erasure.SWEPT


def test_what_a_killed_worker_left_of_an_export_is_destroyed_with_the_person(alice):
    """No attempt comes again: the sweep alone has to find the file."""
    fill(alice)
    with alice.scope:
        under_way = request_export(actor=alice.actor)
    WorkItem.objects.filter(object_id=under_way.id).update(state=WorkItem.FAILED)
    path = files.path_of(alice.tenant.id, under_way.id)
    path.parent.mkdir(parents=True)
    left = [path, path.with_name(f"{path.name}.1.partial")]
    for each in left:
        each.write_bytes(ANNA.encode())
    erase(alice)
    assert not any(each.exists() for each in left)
    with alice.scope:
        under_way.refresh_from_db()
        assert (under_way.state, under_way.error) == (TenantExport.FAILED, "erased")
