"""An auditor's export holds what was asked for, signed; its verifier names whatever was altered."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditDetail, AuditEntry
from tenants.audit.record import record
from tenants.audit.signing import public_key
from tenants.csv_cells import csv_line
from tenants.departure import files
from tenants.errors import AppError, Conflict, NotFound
from tenants.evidence import making
from tenants.evidence.cells import json_line
from tenants.evidence.models import EvidenceExport
from tenants.evidence.services import download_evidence, request_evidence
from tenants.evidence.verifier import canonical
from tenants.ids import uuid7
from tenants.subjects.directory import audit_ref, resolve
from tenants.work import queue
from tenants.work.models import WorkItem
from tests.tenants.evidence.evidence import content_of, faults, make_evidence, zip_of


def entries_in(content: dict[str, bytes]) -> list[dict]:
    return [json.loads(line) for line in content["entries.jsonl"].splitlines()]


@pytest.fixture
def logged(alice):
    """Alice, whose log tells of more than her making, and of a person."""
    with alice.scope:
        subject = resolve(["user-17"])["user-17"]
        for number in range(6):
            record(
                AuditEvent.LOG_VERIFIED, actor=alice.actor, details={"entries": number, "ok": True}
            )
        record(AuditEvent.SUBJECT_VIEWED, actor=alice.actor, subject_ref=audit_ref(subject))
        record(
            AuditEvent.VERSION_EVALUATED,
            actor=alice.actor,
            object_id="=1+1",
            details={"ndcg10": 1.5e-7, "serves": 'A "quoted" ☃, 𝄞'},
        )
    return alice


def test_an_export_holds_every_entry_with_its_details(logged):
    content = content_of(make_evidence(logged))
    with logged.scope:
        stored = list(AuditEntry.objects.order_by("seq"))
    told = entries_in(content)
    # One more was recorded when it was made.
    assert [line["seq"] for line in told] == [entry.seq for entry in stored[:-1]]
    for line, entry in zip(told, stored, strict=False):
        assert {name: line[name] for name in entry.content()} == entry.content()
        assert line["entry_hash"] == bytes(entry.entry_hash).hex()
    assert told[5]["details"] == {"entries": 2, "ok": True}
    assert faults(logged, content) == []


def test_the_csv_tells_the_same_and_no_cell_is_a_formula(logged):
    content = content_of(make_evidence(logged))
    rows = list(csv.DictReader(io.StringIO(content["entries.csv"].decode())))
    assert [int(row["seq"]) for row in rows] == [line["seq"] for line in entries_in(content)]
    assert next(row for row in rows if row["action"] == "version.evaluated")["object_id"] == "'=1+1"


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\0", "\r", "\n"])
def test_s39_exported_cells_are_escaped(first):
    """ASVS 1.2.10: no cell of an export begins as a formula, and none breaks its line."""
    line = csv_line([f"{first}cmd|'/c calc'!A0", "plain", 5, -1.5], one_line=True)
    assert line.count(b"\n") == 1 and b"\0" not in line and b"\r" not in line
    cells = next(csv.reader([line.decode()]))
    assert not cells[0].startswith(tuple("=+-@\t\0\r\n")) and cells[1:] == ["plain", "5", "-1.5"]


def test_the_manifest_is_signed_and_tells_of_the_range(logged):
    export = make_evidence(logged)
    content = content_of(export)
    manifest = json.loads(content["manifest.json"])
    assert manifest["public_key"] == public_key(logged.tenant.id).hex()
    assert (manifest["kind"], manifest["export"]) == ("audit", export.public_id)
    told = {file["name"]: file for file in manifest["files"]}
    assert set(told) == {"entries.jsonl", "entries.csv", "checkpoints.jsonl", "verify.py"}
    lines = content["entries.jsonl"].count(b"\n")
    assert told["entries.jsonl"]["lines"] == lines
    assert told["entries.jsonl"]["facts"] == {
        "begins_behind": 0, "ends_at": lines, "shown": lines, "omitted": 0,
    }  # fmt: skip


def test_a_filtered_export_keeps_stubs_and_its_chain_still_verifies(logged):
    content = content_of(make_evidence(logged, action="log.verified"))
    told = entries_in(content)
    shown = [line for line in told if not line.get("omitted")]
    assert {line["action"] for line in shown} == {"log.verified"} and len(shown) == 6
    stubs = [line for line in told if line.get("omitted")]
    assert stubs and all(set(line) == {"seq", "entry_hash", "omitted"} for line in stubs)
    assert faults(logged, content) == []


def test_an_export_of_one_person_is_found_by_the_tenants_own_id(logged):
    export = make_evidence(logged, subject="user-17")
    shown = [line for line in entries_in(content_of(export)) if not line.get("omitted")]
    assert [line["action"] for line in shown] == ["subject.viewed", "evidence.requested"]
    assert "user-17" not in json.dumps(export.options)
    assert b"user-17" not in b"".join(content_of(export).values())


FILTERS = [
    ({"since": "2026-13-01"}, "bad_filter", "since"),
    ({"since": "2026-02-01", "until": "2026-01-01"}, "bad_filter", "until"),
    ({"actor": "a" * 201}, "bad_filter", "actor"),
    ({"subject": "nobody"}, "unknown_person", "subject"),
    ({"version": "ver_1"}, "unknown_filter", "version"),
]


@pytest.mark.parametrize("filters, code, param", FILTERS)
def test_a_filter_that_says_nothing_is_refused(alice, filters, code, param):
    with alice.scope, pytest.raises(AppError) as refused:
        request_evidence(kind="audit", filters=filters, actor=alice.actor)
    assert (refused.value.code, refused.value.param) == (code, param)
    with alice.scope:
        assert not EvidenceExport.objects.exists()


def test_a_kind_that_nobody_makes_is_refused(alice):
    with alice.scope, pytest.raises(AppError) as refused:
        request_evidence(kind="gossip", filters={}, actor=alice.actor)
    assert refused.value.code == "unknown_evidence"


def test_times_filter_to_the_microsecond(logged):
    with logged.scope:
        moment = AuditEntry.objects.get(action="subject.viewed").recorded_at
    content = content_of(
        make_evidence(logged, since=moment, until=moment + timedelta(microseconds=1))
    )
    shown = [line for line in entries_in(content) if not line.get("omitted")]
    assert [line["action"] for line in shown] == ["subject.viewed"]


def test_one_of_a_kind_is_made_at_a_time_and_each_step_stands_in_the_log(alice):
    with alice.scope:
        request_evidence(kind="audit", filters={}, actor=alice.actor)
        with pytest.raises(Conflict) as refused:
            request_evidence(kind="audit", filters={}, actor=alice.actor)
    assert refused.value.code == "export_open"
    making_of = make_evidence_of_the_open_one(alice)
    with alice.scope:
        download_evidence(export_id=making_of.id, actor=alice.actor)
        EvidenceExport.objects.update(expires_at=now())
    assert making.expire(alice.tenant.id) == 1
    with alice.scope:
        actions = AuditEntry.objects.filter(action__startswith="evidence").order_by("seq")
        assert list(actions.values_list("action", flat=True)) == [
            "evidence.requested", "evidence.made", "evidence.downloaded", "evidence.destroyed",
        ]  # fmt: skip
        with pytest.raises(Conflict) as gone:
            download_evidence(export_id=making_of.id, actor=alice.actor)
    assert gone.value.code == "export_gone"
    assert not files.exists(alice.tenant.id, making_of.id)


def make_evidence_of_the_open_one(business) -> EvidenceExport:
    from tenants.work.run import run_waiting

    run_waiting("default")
    with business.scope:
        return EvidenceExport.objects.get()


def test_an_export_is_found_by_its_own_tenant_alone(alice, bob):
    export = make_evidence(alice)
    with bob.scope, pytest.raises(NotFound):
        download_evidence(export_id=export.id, actor=bob.actor)


def test_the_file_at_rest_is_sealed_and_nothing_lies_beside_it(alice):
    export = make_evidence(alice)
    path = files.path_of(alice.tenant.id, export.id)
    assert b"entries.jsonl" not in path.read_bytes()
    assert [each.name for each in path.parent.iterdir()] == [str(export.id)]


def test_details_that_were_deleted_leave_an_export_that_verifies(logged):
    with logged.scope:
        AuditDetail.objects.all().delete()
    content = content_of(make_evidence(logged))
    assert "details" not in entries_in(content)[0]
    assert faults(logged, content) == []


def test_the_shipped_verifier_runs_alone_on_zip_and_folder(logged, tmp_path):
    """With nothing of ours on its path: only `cryptography`."""
    packed = tmp_path / "export.zip"
    packed.write_bytes(zip_of(make_evidence(logged)))
    folder = tmp_path / "folder"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)
    key = public_key(logged.tenant.id).hex()

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-I", str(folder / "verify.py"), *words]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return done.returncode, done.stdout + done.stderr

    for place in (packed, folder):
        assert run(str(place), "--key", key) == (
            0,
            f"OK  {place}: every file and line is as it was signed\n",
        )
    lines = (folder / "entries.jsonl").read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"success", b"failure")
    (folder / "entries.jsonl").write_bytes(b"".join(lines))
    assert run(str(folder), "--key", key) == (1, "FAULT  entries.jsonl, line 4: edited\n")
    other = public_key(uuid7()).hex()
    assert "signed by another key" in run(str(packed), "--key", other)[1]
    assert run(str(packed), "--key", "ab")[0] == 1


NUMBERS = [
    0.0, 1.0, -1.5, 1e21, 1e20, 123456789012345680000.0, 1e-6, 1e-7, 1.5e-7, 5e-324, 0.1, 100.25,
    1.7976931348623157e308, 333333333.33333329, 9007199254740991.0, -0.000033,
]  # fmt: skip


@pytest.mark.parametrize(
    "value", [*NUMBERS, '\u20ac$\u000f\nA\'B"\\"', "𝄞ﬀ\x7f", True, None, [1, {}]]
)
def test_the_verifiers_canonical_json_is_that_of_the_standard(value):
    """RFC 8785, by the library that the log is written with."""
    content = {"\u20ac": value, "\r": 1, "1": 2, "😀": 3, "\ufb33": 4, "ö": value}
    assert canonical(content).encode() + b"\n" == json_line(content)


def test_who_lost_the_lease_changes_nothing_of_what_another_has_made(logged, monkeypatch):
    """It packed for too long: by then the export was made, and its manifest is in the log."""
    with logged.scope:
        asked = request_evidence(kind="audit", filters={}, actor=logged.actor)
    slow = queue.claim("default")
    packed = making.pack

    def overtaken(*words):
        done = packed(*words)
        EvidenceExport.objects.update(manifest_sha256=b"another's", done=3, total=3)
        WorkItem.objects.filter(pk=slow.item_id).update(lease_token=slow.token + 1)
        return done

    monkeypatch.setattr(making, "pack", overtaken)
    with pytest.raises(queue.LeaseLost):
        making.run(slow)
    with logged.scope:
        export = EvidenceExport.objects.get(pk=asked.pk)
    assert (bytes(export.manifest_sha256), export.done) == (b"another's", 3)
