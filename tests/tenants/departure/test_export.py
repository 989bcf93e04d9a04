"""An export holds all that the tenant owns and nothing else; its file is sealed and has an end."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from django.conf import settings
from django.db import models
from django.utils.timezone import now

from attune import settings as installation
from tenants.audit.models import AuditEntry
from tenants.behaviour.models import Item
from tenants.departure import contents, exporting, files, making
from tenants.departure.expiring import expire
from tenants.departure.models import TenantExport
from tenants.departure.services import download_export, request_export
from tenants.errors import Conflict, NotFound
from tenants.subjects.directory import resolve
from tenants.work import queue
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.departure.leaving import content_of, make_export, manifest, put_files, table
from tests.tenants.isolation.rows import OWNED, fill_every_table

# Bytes that an export shows: they are hashes of what it holds, or a notice's own text.
SHOWN = {
    "audit.AuditCheckpoint.edge", "audit.AuditCheckpoint.head_hash",
    "audit.AuditCheckpoint.previous", "audit.AuditCheckpoint.root",
    "audit.AuditCheckpoint.signature", "audit.AuditWaiting.content_hash",
    "audit.AuditWaiting.details_commit", "audit.AuditWaiting.salt",
    "audit.AuditDetail.salt", "audit.AuditEntry.details_commit", "audit.AuditEntry.entry_hash",
    "audit.AuditEntry.prev_hash", "audit.AuditHead.hash", "audit.Seal.root",
    "audit.SealedRow.leaf", "behaviour.Upload.sha256",
    "behaviour.EventBatch.acts_sha256", "behaviour.RememberedMapping.headings_sha256",
    "consent.ConsentRecord.notice_sha256",
    "consent.ConsentRecord.record_hash", "consent.Notice.body", "consent.Notice.sha256",
    "departure.TenantExport.sha256", "evidence.EvidenceExport.manifest_sha256",
    "evidence.EvidenceExport.sha256", "jobs.Snapshot.sha256", "jobs.SnapshotSubject.content_hash",
    "jobs.Version.manifest_sha256", "rights.RightsRequest.evidence_sha256",
    "erasure.ErasureStatement.signature",
    "rights.Correction.after_hash", "rights.Correction.before_hash",
    "rights.SubjectExport.sha256", "recommend.Decision.row_hash",
}  # fmt: skip


def actions(business) -> list[str]:
    with business.scope:
        entries = AuditEntry.objects.filter(action__startswith="export").order_by("seq")
        return list(entries.values_list("action", flat=True))


def test_an_export_holds_every_table_the_people_and_the_models(alice, bob):
    for business in (alice, bob):
        with business.scope:
            resolve([f"user of {business.tenant.name}", 'a "quoted", user'])
            Item.objects.create(external_id=f"item of {business.tenant.name}", title="æ \n,")
            fill_every_table()
        put_files(business)
    with alice.scope:
        TenantExport.objects.all().delete()
    content = content_of(make_export(alice))
    told = manifest(content)
    assert {line["name"] for line in told["files"]} == set(content) - {"manifest.json"}
    left_out = {line["what"] for line in told["left_out"]}
    tables = {f"tables/{model._meta.db_table}.csv" for model in OWNED
              if model._meta.db_table not in left_out}  # fmt: skip
    assert tables | {"tables/accounts_tenant.csv", "people.csv"} | {
        "files/artifact/inner/file.bin"
    } == set(content) - {"manifest.json"}
    assert table(content, "tables/accounts_tenant.csv")[0]["name"] == "Alice's shop"
    known = {row["user_id"] for row in table(content, "people.csv")}
    assert known == {"user of Alice's shop", 'a "quoted", user'}
    items = table(content, "tables/behaviour_item.csv")
    assert [(row["external_id"], row["title"]) for row in items] == [
        ("item of Alice's shop", "æ \n,")
    ]
    assert content["files/artifact/inner/file.bin"] == b"bytes of Alice's shop"
    whole = b"".join(content.values())
    assert b"Bob" not in whole and str(bob.tenant.id).encode() not in whole


def test_the_manifest_tells_hash_length_and_rows_of_every_file(alice):
    with alice.scope:
        resolve(["u1"])
        fill_every_table()
        TenantExport.objects.all().delete()
    content = content_of(make_export(alice))
    for line in manifest(content)["files"]:
        plain = content[line["name"]]
        assert line["sha256"] == hashlib.sha256(plain).hexdigest()
        assert line["bytes"] == len(plain)
        if line["name"].endswith(".csv"):
            assert line["rows"] == len(table(content, line["name"])), line["name"]
    assert {line["rows"] for line in manifest(content)["files"]} > {1}


def test_a_table_is_read_in_chunks_and_each_row_once(alice, monkeypatch):
    monkeypatch.setattr(contents, "CHUNK", 3)
    with alice.scope:
        Item.objects.bulk_create(Item(external_id=f"i{n}") for n in range(9))
        resolve([f"u{n}" for n in range(7)])
    content = content_of(make_export(alice))
    items = table(content, "tables/behaviour_item.csv")
    assert [row["external_id"] for row in items] == [f"i{n}" for n in range(9)]
    assert sorted(row["user_id"] for row in table(content, "people.csv")) == [
        f"u{n}" for n in range(7)
    ]


def test_what_is_secret_is_left_out_and_the_manifest_says_why(alice):
    with alice.scope:
        resolve(["u1"])
        rows = fill_every_table()
        TenantExport.objects.all().delete()
    content = content_of(make_export(alice))
    told = {line["what"]: line["why"] for line in manifest(content)["left_out"]}
    assert all(told.values())
    for column in (
        "accounts_apikey.hash",
        "subjects_subject.lookup",
        "behaviour_quarantinedrow.sealed",
    ):
        assert column in told
        name, _, field = column.partition(".")
        assert field not in table(content, f"tables/{name}.csv")[0]
    whole = b"".join(content.values())
    hidden = [
        bytes(getattr(row, column)).hex().encode()
        for model, row in rows.items()
        for column, value in model.kept_back.items()
        if column != "*" and getattr(row, column)
    ]
    assert hidden and not any(secret in whole for secret in hidden)


@pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)
def test_every_column_of_bytes_is_kept_back_or_shown_on_purpose(model):
    bytes_of = {f.name for f in model._meta.local_fields if isinstance(f, models.BinaryField)}
    shown = {f"{model._meta.label}.{name}" for name in bytes_of if name not in model.kept_back}
    assert "*" in model.kept_back or shown <= SHOWN
    assert set(model.kept_back.values()) <= set(contents.REASONS)
    columns = {field.column for field in model._meta.local_fields} | {"*"}
    assert set(model.kept_back) <= columns


def test_every_root_with_a_folder_per_tenant_is_known():
    roots = {name for name in vars(installation) if name.endswith("_ROOT")}
    roots -= {"STATIC_ROOT", "INCOMING_ROOT"}  # of no tenant: ours, and of requests under way
    assert set(settings.TENANT_ROOTS) == roots


def test_the_file_at_rest_is_sealed_under_the_tenants_key(alice, bob):
    export = make_export(alice)
    path = files.path_of(alice.tenant.id, export.id)
    assert b"people.csv" not in path.read_bytes()
    stolen = files.path_of(bob.tenant.id, export.id)
    stolen.parent.mkdir(parents=True)
    stolen.write_bytes(path.read_bytes())
    with pytest.raises(InvalidTag):
        b"".join(files.read(bob.tenant.id, export.id))


def test_one_export_is_made_at_a_time_and_each_step_stands_in_the_log(alice):
    with alice.scope:
        request_export(actor=alice.actor)
        with pytest.raises(Conflict) as refused:
            request_export(actor=alice.actor)
    assert refused.value.code == "export_open"
    run_waiting("default")
    with alice.scope:
        export = TenantExport.objects.get()
        _, plain = download_export(export_id=export.id, actor=alice.actor)
        assert hashlib.sha256(b"".join(plain)).digest() == bytes(export.sha256)
    assert actions(alice) == ["export.requested", "export.made", "export.downloaded"]


def test_an_export_is_found_by_its_own_tenant_alone(alice, bob):
    export = make_export(alice)
    with bob.scope, pytest.raises(NotFound):
        download_export(export_id=export.id, actor=bob.actor)
    assert actions(bob) == []


def test_an_export_whose_file_is_gone_is_refused_before_anything_is_sent(alice):
    export = make_export(alice)
    files.destroy(alice.tenant.id, export.id)
    with alice.scope, pytest.raises(Conflict) as refused:
        download_export(export_id=export.id, actor=alice.actor)
    assert refused.value.code == "export_gone"
    assert actions(alice) == ["export.requested", "export.made"]


def test_an_export_is_deleted_after_a_week_and_not_before(alice):
    export = make_export(alice)
    path = files.path_of(alice.tenant.id, export.id)
    assert timedelta(days=6.9) < export.expires_at - now() <= timedelta(days=7)
    assert expire(alice.tenant.id) == 0 and path.exists()
    with alice.scope:
        TenantExport.objects.update(expires_at=now())
    assert expire(alice.tenant.id) == 1 and not path.exists()
    assert expire(alice.tenant.id) == 0
    with alice.scope, pytest.raises(Conflict) as refused:
        download_export(export_id=export.id, actor=alice.actor)
    assert refused.value.code == "export_gone"
    assert actions(alice) == ["export.requested", "export.made", "export.destroyed"]


def test_a_killed_attempt_is_made_again_and_leaves_nothing(alice, monkeypatch):
    with alice.scope:
        export = request_export(actor=alice.actor)
    half = files.path_of(alice.tenant.id, export.id).with_name(f"{export.id}.1.partial")
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    run_waiting("default")
    assert [path.name for path in half.parent.iterdir()] == [str(export.id)]


def test_an_attempt_that_breaks_leaves_no_file_and_the_last_one_says_so(alice, monkeypatch):
    def breaks(*_):
        raise OSError("no space left")

    monkeypatch.setattr(exporting, "_write_member", breaks)
    with alice.scope:
        export = request_export(actor=alice.actor)
    for _ in range(making.ATTEMPTS + 1):
        WorkItem.objects.filter(tenant_id=alice.tenant.id).update(run_at=now())
        run_waiting("default")
        folder = files.path_of(alice.tenant.id, export.id).parent
        assert list(folder.iterdir()) == []
    with alice.scope:
        export.refresh_from_db()
    assert (export.state, export.error) == (TenantExport.FAILED, "crashed")
    assert actions(alice) == ["export.requested", "export.made"]


def test_a_worker_that_lost_its_lease_writes_nothing_more(alice, monkeypatch):
    with alice.scope:
        export = request_export(actor=alice.actor)
    first = queue.claim("default")
    WorkItem.objects.filter(pk=first.item_id).update(lease_token=first.token + 1)
    with pytest.raises(queue.LeaseLost):
        exporting.run(first)
    with alice.scope:
        assert TenantExport.objects.get().state == TenantExport.WAITING
    assert not files.path_of(alice.tenant.id, export.id).exists()


def killed_after_taking_its_place(business, export) -> list[Path]:
    """What an attempt leaves that was killed when its file stood there, but was not told of."""
    path = files.path_of(business.tenant.id, export.id)
    path.parent.mkdir(parents=True)
    left = [path, path.with_name(f"{path.name}.1.partial")]
    for each in left:
        each.write_bytes(b"somebody")
    return left


@pytest.mark.parametrize("state", [TenantExport.FAILED, TenantExport.EXPIRED])
def test_an_attempt_at_what_is_over_destroys_what_the_one_before_has_left(alice, state):
    with alice.scope:
        export = request_export(actor=alice.actor)
        TenantExport.objects.update(state=state, error="erased")
    left = killed_after_taking_its_place(alice, export)
    run_waiting("default")
    assert not any(path.exists() for path in left)


def test_an_export_that_fails_in_the_end_leaves_no_file(alice):
    with alice.scope:
        export = request_export(actor=alice.actor)
    WorkItem.objects.filter(tenant_id=alice.tenant.id).update(attempts=making.ATTEMPTS)
    left = killed_after_taking_its_place(alice, export)
    run_waiting("default")
    with alice.scope:
        assert TenantExport.objects.get().error == "crashed"
    assert not any(path.exists() for path in left)


def test_who_lost_the_lease_cannot_fail_what_another_makes(alice):
    with alice.scope:
        export = request_export(actor=alice.actor)
    first = queue.claim("default")
    WorkItem.objects.filter(pk=first.item_id).update(lease_token=first.token + 1)
    left = killed_after_taking_its_place(alice, export)
    with pytest.raises(queue.LeaseLost):
        exporting.MAKING.fail(first, "crashed")
    assert all(path.exists() for path in left)
