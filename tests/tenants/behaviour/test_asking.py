"""A file that waits for a person: looked into, checked without being stored, begun, remembered."""

from datetime import timedelta

import pytest
from behaviour_files import parquet_file
from django.db import InternalError
from django.test import Client
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.behaviour.arriving import parts, vault
from tenants.behaviour.arriving.accepting import DRY_RUN, MAPPING
from tenants.behaviour.arriving.parts import PATIENCE, expire, give_up
from tenants.behaviour.asking import look
from tenants.behaviour.asking.rehearsing import only_reading
from tenants.behaviour.asking.remembered import recalled
from tenants.behaviour.asking.services import look_again, rehearse_upload, start_upload
from tenants.behaviour.models import Event, Item, RememberedMapping, Upload
from tenants.behaviour.refusals import UploadRefused
from tenants.behaviour.types.event_types import set_event_type
from tenants.errors import Conflict, NotFound
from tenants.ids import uuid7
from tenants.subjects.models import Subject
from tenants.work.run import run_waiting
from tests.tenants.behaviour.in_parts import asked
from tests.tenants.behaviour.uploads import accept, agree, events, fresh, outcomes, process

MESSY = b"buyer no;what was bought;when;kind\n1;a;2026-03-01T10:00:00Z;view\n2;b;soon;view\n"
LONG_AGO = now() - PATIENCE - timedelta(hours=1)
SAID = {"user_id": "buyer no", "item_id": "what was bought", "occurred_at": "when", "type": "kind"}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


def waiting(business, content: bytes = MESSY, kind: str = Upload.EVENTS, **how) -> Upload:
    """An upload that was looked into."""
    upload = accept(business, content, kind, ask=MAPPING, **how)
    run_waiting("default")
    return fresh(business, upload)


def do(business, act, upload: Upload, **how) -> Upload:
    with business.scope:
        act(upload_id=upload.id, **how)
    run_waiting("default")
    return fresh(business, upload)


def test_a_file_is_looked_into_and_waits_with_its_first_rows_sealed(alice, folder):
    upload = waiting(alice)
    assert (upload.state, upload.rehearsal) == (Upload.MAPPING, {})
    seen = look.kept(upload.tenant_id, upload.id)
    assert seen.columns == ("buyer no", "what was bought", "when", "kind")
    assert (seen.details["delimiter"], seen.batch.rows.to_list()) == (";", [1, 2])
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(written) == 2 and not any(b"buyer" in content for content in written)


def test_what_is_said_is_stored_so_and_the_file_is_gone(alice, folder):
    agree(alice, "1")
    upload = do(alice, start_upload, waiting(alice), actor=alice.actor, mapping=SAID)
    assert (upload.state, upload.report["accepted"]) == (Upload.DONE, 1)
    assert outcomes(upload)["rejected", "bad_time"] == (1, [2])
    assert not [path for path in folder.rglob("*") if path.is_file()]
    with alice.scope:
        assert Event.objects.count() == 1
        entry = AuditEntry.objects.get(action="upload.mapped")
        assert entry.detail.get().details == {
            "kind": "events",
            "fields": ["user_id", "item_id", "type", "occurred_at"],
        }


def test_a_mapping_that_lacks_what_is_required_is_refused_and_nothing_changes(alice):
    upload = waiting(alice)
    for act in (start_upload, rehearse_upload):
        with alice.scope, pytest.raises(UploadRefused) as caught:
            act(upload_id=upload.id, actor=alice.actor, mapping={"item_id": "what was bought"})
        assert caught.value.code == "missing_columns"
    assert fresh(alice, upload).state == Upload.MAPPING
    with alice.scope:
        assert not RememberedMapping.objects.exists()


def test_a_dry_run_tells_what_would_become_of_every_row_and_stores_nothing(alice):
    agree(alice, "u1")
    content = events(("u1", "i1", "01"), ("u2", "i1", "02"), ("u1", "i1", "01"), ("u1", "", "03"))
    upload = do(alice, rehearse_upload, waiting(alice, content), actor=alice.actor)
    assert upload.state == Upload.MAPPING
    report = upload.rehearsal["report"]
    assert {(one["bucket"], one["code"]): one["count"] for one in report["outcomes"]} == {
        ("duplicate", "duplicate"): 1, ("rejected", "missing_item"): 1,
        ("quarantined", "no_record"): 1,
    }  # fmt: skip
    with alice.scope:
        assert not Event.objects.exists() and not Item.objects.exists()
        assert Subject.objects.count() == 1  # who agreed before
    done = do(alice, start_upload, upload, actor=alice.actor)
    assert {one["code"] for one in done.report["outcomes"]} == {
        one["code"] for one in report["outcomes"]
    }
    assert (done.report["accepted"], report["accepted"]) == (1, 1)


def test_a_dry_run_knows_what_is_stored_already(alice):
    agree(alice, "u1")
    content = events(("u1", "i1", "01"))
    process(alice, content)
    upload = do(alice, rehearse_upload, waiting(alice, content), actor=alice.actor)
    assert upload.rehearsal["report"]["duplicate"] == 1
    assert upload.rehearsal["report"]["outcomes"][0]["code"] == "already_stored"


def test_a_dry_run_knows_which_items_no_catalogue_told_of(alice):
    agree(alice, "u1")
    process(alice, b"item_id,title\ni1,Mug\n", "items")
    content = events(("u1", "i1", "01"), ("u1", "i2", "02"))
    options = {"known_items_only": True}
    upload = do(alice, rehearse_upload, waiting(alice, content), actor=alice.actor, options=options)
    (outcome,) = upload.rehearsal["report"]["outcomes"]
    assert (outcome["code"], outcome["first_rows"]) == ("unknown_item", [2])


def test_a_dry_run_reads_types_that_the_tenant_added(alice):
    agree(alice, "1")
    with alice.scope:
        set_event_type(name="Booked", weight=0.5, trade=True, aliases=[], actor=alice.actor)
    content = MESSY.replace(b";view", b";booked")
    upload = waiting(alice, content)
    upload = do(alice, rehearse_upload, upload, actor=alice.actor, mapping=SAID)
    assert upload.rehearsal["report"]["accepted"] == 1


def test_a_dry_run_of_consents_knows_whether_the_notice_is_archived(alice):
    head = (
        "user_id,purpose,event,event_time,lawful_basis,notice_id,notice_version,notice_lang,"
        "collection_method,jurisdiction\n"
    )
    content = f"{head}u1,service,given,2026-03-01T10:00:00Z,consent,n,1,en,web_form,GB\n".encode()
    upload = do(alice, rehearse_upload, waiting(alice, content, "consents"), actor=alice.actor)
    (outcome,) = upload.rehearsal["report"]["outcomes"]
    assert (outcome["code"], outcome["count"]) == ("notice_unknown", 1)


def test_the_database_itself_keeps_a_dry_run_from_writing(alice):
    with pytest.raises(InternalError, match="read-only"), only_reading(alice.tenant.id):
        Item.objects.create(external_id="x")


def test_a_mapping_is_remembered_for_these_headings_in_any_order_and_this_tenant(alice, bob):
    agree(alice, "1")
    options = {"default_type": "view", "timezone": "Europe/London"}
    do(alice, start_upload, waiting(alice), actor=alice.actor, mapping=SAID, options=options)
    columns = ["kind", "when", "what was bought", "buyer no"]
    with alice.scope:
        found = recalled("events", columns)
        assert (found.mapping, found.options) == (SAID, options)
        assert recalled("items", columns) is None
        assert recalled("events", [*columns, "more"]) is None
    with bob.scope:
        assert recalled("events", columns) is None


def test_rows_given_back_to_be_repaired_are_proposed_as_their_file_was_read(alice):
    do(alice, start_upload, waiting(alice), actor=alice.actor, mapping=SAID)
    with alice.scope:
        assert recalled("events", ["attune_row", "attune_code", "attune_reason", *SAID.values()])


def test_another_encoding_or_delimiter_is_looked_at_again(alice):
    upload = waiting(alice)
    again = do(alice, look_again, upload, encoding="utf-8", delimiter=",")
    seen = look.kept(again.tenant_id, again.id)
    assert (again.state, seen.details["delimiter"]) == (Upload.MAPPING, ",")
    assert len(seen.columns) == 1
    with alice.scope, pytest.raises(UploadRefused) as caught:
        look_again(upload_id=upload.id, encoding="no such", delimiter=None)
    assert caught.value.code == "bad_option"


def test_what_a_program_sent_to_be_checked_is_asked_about_once_a_person_looks_again(alice):
    file = accept(alice, MESSY, Upload.EVENTS, ask=DRY_RUN)
    run_waiting("default")
    again = do(alice, look_again, fresh(alice, file), encoding="utf-7", delimiter=None)
    assert (again.state, again.error) == (Upload.MAPPING, {})
    again = do(alice, look_again, again, encoding=None, delimiter=",")
    assert (again.state, again.rehearsal) == (Upload.MAPPING, {})


def test_a_file_that_cannot_be_opened_so_waits_for_another_way(alice):
    upload = waiting(alice, b"\x80\x81\x8d\x8f\x90\xff\xfe\x00\x01user,item\n1,2\n" * 20)
    assert upload.state in (Upload.MAPPING, Upload.FAILED)
    if upload.state == Upload.MAPPING:
        assert upload.rehearsal["error"]["code"] in ("unknown_encoding", "binary_file")
        with alice.scope, pytest.raises(Conflict):
            start_upload(upload_id=upload.id, actor=alice.actor)


def test_a_file_that_nothing_can_mend_ends(alice):
    upload = waiting(alice, b"PAR1 and no end of it")
    assert (upload.state, bool(upload.error)) == (Upload.FAILED, True)


def test_only_a_waiting_upload_of_this_tenant_can_be_told_how(alice, bob):
    done, hers = process(alice, events(("u1", "i1", "01"))), waiting(alice)
    for act in (start_upload, rehearse_upload):
        with alice.scope, pytest.raises(Conflict):
            act(upload_id=done.id, actor=alice.actor)
        with alice.scope, pytest.raises(NotFound):
            act(upload_id=uuid7(), actor=alice.actor)
        with bob.scope, pytest.raises(NotFound):
            act(upload_id=hers.id, actor=bob.actor)


def test_what_nobody_answers_for_a_day_is_deleted_and_can_be_given_up_before(
    alice, django_capture_on_commit_callbacks
):
    left, given_up = waiting(alice), waiting(alice)
    with django_capture_on_commit_callbacks(execute=True):
        with alice.scope:
            give_up(upload_id=given_up.id, actor=alice.actor)
            Upload.objects.filter(pk=left.pk).update(created_at=LONG_AGO, said_at=LONG_AGO)
        expire(alice.tenant.id)
    left = fresh(alice, left)
    assert (left.state, left.error["code"]) == (Upload.FAILED, "mapping_expired")
    assert not list(vault.folder(alice.tenant.id).glob("*"))
    with alice.scope:
        ended = AuditEntry.objects.filter(action="upload.given_up")
        assert [one.detail.get().details["bytes"] for one in ended] == [len(MESSY)] * 2


def grow_old(business, upload: Upload) -> None:
    """As if everything so far had happened long ago."""
    with business.scope:
        rows = Upload.objects.filter(pk=upload.pk)
        rows.update(created_at=LONG_AGO, arrived_at=LONG_AGO, said_at=LONG_AGO)


@pytest.mark.parametrize("act", [rehearse_upload, look_again])
def test_a_file_is_not_deleted_while_somebody_works_on_it(alice, act):
    """The moment of its cleaning, from which times that lie ahead are told, stays."""
    upload = waiting(alice)
    grow_old(alice, upload)
    how = {"encoding": None, "delimiter": ";"} if act is look_again else {"actor": alice.actor}
    told = {} if act is look_again else {"mapping": SAID}
    with alice.scope:
        assert act(upload_id=upload.id, **how, **told).said_at > LONG_AGO
    grow_old(alice, upload)  # the check itself may take its time
    run_waiting("default")
    expire(alice.tenant.id)
    upload = fresh(alice, upload)
    assert (upload.state, upload.arrived_at) == (Upload.MAPPING, LONG_AGO)


def test_one_that_goes_on_meanwhile_keeps_no_other_from_its_end(alice, monkeypatch):
    moved, left = waiting(alice), waiting(alice)
    grow_old(alice, moved)
    grow_old(alice, left)
    real = parts.give_up

    def overtaken(*, upload_id, **how):
        if upload_id == moved.id:
            Upload.objects.filter(pk=upload_id).update(state=Upload.CHECKING)
        return real(upload_id=upload_id, **how)

    monkeypatch.setattr(parts, "give_up", overtaken)
    expire(alice.tenant.id)
    assert fresh(alice, moved).state == Upload.CHECKING
    assert fresh(alice, left).state == Upload.FAILED


def test_a_parquet_file_keeps_its_types_in_the_look(alice):
    columns = {"user": [1, 2], "price": [1.5, None], "ok": [True, False]}
    upload = waiting(alice, parquet_file(columns))
    seen = look.kept(upload.tenant_id, upload.id)
    assert seen.batch.frame.to_dict(as_series=False) == columns


def test_by_api_a_dry_run_is_checked_at_once_and_begun_with_another_mapping(alice):
    agree(alice, "1")
    file = {"kind": "events", "dry_run": "true", "mapping": '{"user_id": "buyer no"}'}
    reply = Client().post("/v1/uploads", {**file, "file": named(MESSY)}, headers=alice.headers)
    assert (reply.status_code, reply.json()["status"]) == (202, "looking")
    run_waiting("default")
    path = f"/v1/uploads/{reply.json()['id']}"
    told = Client().get(path, headers=alice.headers).json()
    assert (told["status"], told["dry_run"]["error"]["code"]) == ("mapping", "missing_columns")
    assert asked(alice, "post", f"{path}/start", {}).status_code == 400
    reply = asked(alice, "post", f"{path}/start", {"mapping": SAID})
    assert (reply.status_code, reply.json()["status"]) == (202, "received")
    run_waiting("default")
    told = Client().get(path, headers=alice.headers).json()
    assert (told["status"], told["report"]["accepted"]) == ("done", 1)


def test_in_parts_and_from_an_address_a_dry_run_may_be_asked_too(alice):
    body = {"kind": "events", "name": "x.csv", "bytes": 9, "dry_run": True}
    reply = asked(alice, "post", "/v1/uploads", body)
    assert reply.status_code == 201
    with alice.scope:
        assert Upload.objects.get().options["ask"] == DRY_RUN


def named(content: bytes):
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile("mine.csv", content)
