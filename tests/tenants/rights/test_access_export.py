"""The export that answers an access or portability request: whole, signed, sealed, with an end."""

import base64
import csv
import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.audit.signing import public_key, signed
from tenants.behaviour.models import Event, Item
from tenants.departure import files
from tenants.rights import exporting
from tenants.rights.contents import PORTABLE
from tenants.rights.exports import destroy_exports, expire
from tenants.rights.models import RightsRequest, SubjectExport
from tenants.subjects.directory import resolve
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.isolation.rows import fill_every_table, make_row
from tests.tenants.rights.asking import exported, get, refused, row, rows, send, taken, verified


@pytest.fixture
def everywhere(alice):
    """Alice with one person of whom every table that can holds a row, and one of another."""
    with alice.scope:
        pk = resolve(["u1"])["u1"]
        made = fill_every_table()
        for store in settings.SUBJECT_STORES:  # of tables where the person may be left out
            for table in import_string(store).tables:
                if {"subject_id"} & {field.name for field in table._meta.local_fields}:
                    make_row(table, made, subject_id=pk)
        SubjectExport.objects.all().delete()
        RightsRequest.objects.update(state="done")
        Item.objects.update(external_id="=cmd|' /C calc'!A0", title="æ")
        resolve(["somebody else"])
    return alice


def test_s19_the_export_lists_every_table_that_holds_the_person(everywhere):
    """GDPR 15: each table of each store stands in it with as many rows as the store counts."""
    content = exported(everywhere, "u1")
    names = {name.removesuffix(".jsonl").partition("/")[2]
             for name in content if name.startswith("jsonl/")}  # fmt: skip
    with everywhere.scope:
        pk = resolve(["u1"])["u1"]
        for dotted in settings.SUBJECT_STORES:
            store = import_string(dotted)()
            for table, lines in store.export(pk).items():
                assert table in names
                if table != "rights_request":
                    assert len(rows(content, table)) == len(list(lines)) > 0, table
    assert {*settings.SUBJECT_ANNEXES, "recipients", "retention"} <= names
    assert {line["table"] for line in rows(content, "retention")} <= names
    assert rows(content, "derived_profile")[0]["note"] == "computed for each answer, stored nowhere"


def test_the_manifest_names_every_file_and_its_signature_holds(everywhere):
    content = exported(everywhere, "u1")
    told = json.loads(content["manifest.json"])
    assert told["user_id"] == "u1" and told["controller"]["name"] == "Alice's shop"
    assert {line["name"] for line in told["files"]} == set(content) - {
        "manifest.json", "manifest.sig",
    }  # fmt: skip
    for line in told["files"]:
        assert hashlib.sha256(content[line["name"]]).hexdigest() == line["sha256"]
        assert len(content[line["name"]]) == line["bytes"]
    signature = json.loads(content["manifest.sig"])
    key = base64.b64decode(signature["public_key"])
    assert key == public_key(everywhere.tenant.id)
    Ed25519PublicKey.from_public_bytes(key).verify(
        base64.b64decode(signature["signature"]), signed("manifest", content["manifest.json"])
    )


def test_s39_no_cell_of_the_export_can_be_run_as_a_formula(everywhere):
    """ASVS 1.2.10: text that begins like a formula has an apostrophe in front; JSON is exact."""
    content = exported(everywhere, "u1")
    cells = [
        cell
        for name, text in content.items()
        if name.endswith(".csv")
        for line in csv.reader(io.StringIO(text.decode(), newline=""))
        for cell in line
    ]
    assert "'=cmd|' /C calc'!A0" in cells
    assert [cell for cell in cells if cell[:1] in ("=", "+", "@", "\t", "\0", "\r", "\n")] == []
    assert rows(content, "event")[0]["item__external_id"] == "=cmd|' /C calc'!A0"


def test_portability_holds_what_was_provided_and_observed_alone(everywhere):
    """GDPR 20; EDPB guidelines: what was inferred is no part of it."""
    content = exported(everywhere, "u1", "portability")
    told = json.loads(content["manifest.json"])
    assert {line["name"].partition("/")[2].partition(".")[0] for line in told["files"]} == PORTABLE
    assert {line["origin"] for line in told["files"]} == {"provided_or_observed"}


def test_nobody_else_stands_in_an_export(everywhere):
    content = exported(everywhere, "somebody else")
    assert rows(content, "event") == rows(content, "consent_record") == []
    assert b"u1" not in content["jsonl/subject.jsonl"]


def test_the_file_is_sealed_fetched_by_the_api_and_each_fetch_is_logged(everywhere):
    request_id = verified(everywhere, "access")
    address = f"/v1/rights_requests/{request_id}/export"
    early = Client().get(address, headers=everywhere.headers)
    assert (early.status_code, early.json()["error"]["code"]) == (409, "export_not_ready")
    assert refused(everywhere, f"/{request_id}/complete") == "export_missing"
    run_waiting("default")
    export = SubjectExport.objects
    with everywhere.scope:
        made = export.get()
    stored = files.path_of(everywhere.tenant.id, made.id).read_bytes()
    assert b"manifest.json" not in stored and b"PK" not in stored[:4]
    reply = Client().get(address, headers=everywhere.headers)
    body = b"".join(reply.streaming_content)
    assert (reply["Content-Type"], len(body)) == ("application/zip", made.bytes)
    assert hashlib.sha256(body).digest() == bytes(made.sha256)
    with everywhere.scope:
        log = AuditEntry.objects.filter(action__startswith="subject_export").order_by("seq")
        assert [entry.action for entry in log] == [
            "subject_export.made", "subject_export.downloaded",
        ]  # fmt: skip
        assert all(entry.subject_ref for entry in log)
    told = send(everywhere, f"/{request_id}/complete", answer="Attached.")
    assert (told["status"], told["export"]["status"]) == ("done", "done")


def test_an_export_ends_after_a_week_and_one_more_can_be_made(everywhere):
    request_id = verified(everywhere, "access")
    run_waiting("default")
    with everywhere.scope:
        first = SubjectExport.objects.get()
        assert first.expires_at - first.finished_at == timedelta(days=7)
        SubjectExport.objects.update(expires_at=now())
    assert [expire(everywhere.tenant.id), expire(everywhere.tenant.id)] == [1, 0]
    assert not files.exists(everywhere.tenant.id, first.id)
    gone = Client().get(f"/v1/rights_requests/{request_id}/export", headers=everywhere.headers)
    assert gone.json()["error"]["code"] == "export_gone"
    send(everywhere, f"/{request_id}/export", 202)
    send(everywhere, f"/{request_id}/export", 202)  # one is on its way
    run_waiting("default")
    assert get(everywhere, f"/{request_id}")["export"]["status"] == "done"
    with everywhere.scope:
        assert SubjectExport.objects.count() == 2


def test_an_export_is_destroyed_with_the_person_also_while_it_is_made(everywhere):
    request_id = verified(everywhere, "access")
    subject_id = row(everywhere, request_id).subject_id
    run_waiting("default")
    send(everywhere, f"/{request_id}/export", 202)
    with everywhere.scope:
        first = SubjectExport.objects.order_by("id").first()
        destroy_exports(subject_id)
        assert {one.state for one in SubjectExport.objects.all()} == {SubjectExport.EXPIRED}
    assert not files.exists(everywhere.tenant.id, first.id)
    run_waiting("default")
    assert list(files.path_of(everywhere.tenant.id, first.id).parent.iterdir()) == []


def left_by_a_killed_attempt(business) -> list[Path]:
    """A worker made the file of the export that waits, and was killed before it told of it."""
    with business.scope:
        path = files.path_of(business.tenant.id, SubjectExport.objects.get().id)
    path.parent.mkdir(parents=True, exist_ok=True)
    left = [path, path.with_name(f"{path.name}.1.partial")]
    for each in left:
        each.write_bytes(b"somebody")
    return left


@pytest.mark.parametrize("state", [SubjectExport.FAILED, SubjectExport.EXPIRED])
def test_an_attempt_at_what_is_over_destroys_what_the_one_before_has_left(everywhere, state):
    verified(everywhere, "access")
    left = left_by_a_killed_attempt(everywhere)
    with everywhere.scope:
        SubjectExport.objects.update(state=state)
    run_waiting("default")
    assert not any(path.exists() for path in left)


def test_an_export_that_fails_in_the_end_leaves_no_file(everywhere):
    verified(everywhere, "access")
    left = left_by_a_killed_attempt(everywhere)
    mine = WorkItem.objects.filter(tenant_id=everywhere.tenant.id, kind="subject_export")
    mine.update(attempts=exporting.ATTEMPTS)
    run_waiting("default")
    with everywhere.scope:
        assert SubjectExport.objects.get().error == "crashed"
    assert not any(path.exists() for path in left)


def test_an_export_answers_only_requests_that_ask_for_one(alice):
    request_id = verified(alice, "rectification")
    assert refused(alice, f"/{request_id}/export") == "no_export"
    assert refused(alice, f"/{taken(alice, 'access')}/export") == "identity_missing"


def test_events_are_told_by_their_names(everywhere):
    with everywhere.scope:
        assert Event.objects.filter(type=1).exists()
    assert rows(exported(everywhere, "u1"), "event")[0]["type"] == "view"
