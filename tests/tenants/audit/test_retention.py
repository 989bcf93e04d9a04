"""Old entries go behind a signed checkpoint; the database refuses everything else."""

import json

import psycopg
import pytest
from django.db import ProgrammingError, connection

from recommend.models import Decision
from tenants.audit.checkpoints import make_checkpoint
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditDetail, AuditEntry, Seal, SealedRow
from tenants.audit.record import record
from tenants.audit.retention import prune
from tenants.audit.sealing import seal
from tenants.audit.verify import verify_chain
from tenants.evidence.verifier import Chain, entry_hash
from tests.connections import as_owner
from tests.tenants.audit.test_verify import GUARDED, decide
from tests.tenants.evidence.evidence import content_of, faults, make_evidence


def age(business, days: int, until: int) -> None:
    """Let entries have been written `days` ago: forged by the owner, with all that follows."""
    with as_owner(business.tenant.id) as owner:
        for table in GUARDED:
            owner.execute(f"alter table {table} disable trigger user")
        owner.execute(
            "update audit_auditentry set recorded_at = recorded_at - make_interval(days => %s) "
            "where seq <= %s", [days, until]
        )  # fmt: skip
        owner.execute("update audit_seal set sealed_at = sealed_at - make_interval(days => %s)",
                      [days])  # fmt: skip
        rewrite(business, owner)
        for table in GUARDED:
            owner.execute(f"alter table {table} enable trigger user")


def rewrite(business, owner: psycopg.Cursor) -> None:
    """The whole chain anew over what its entries say now."""
    rows = owner.execute("select id from audit_auditentry order by seq").fetchall()
    log = Chain()
    for (pk,) in rows:
        owner.execute("update audit_auditentry set prev_hash = %s where id = %s", [log.hash, pk])
        content = stored(owner, pk)
        log.add(content["seq"], entry_hash(content))
        owner.execute("update audit_auditentry set entry_hash = %s where id = %s", [log.hash, pk])
    owner.execute("update audit_audithead set hash = %s", [log.hash])


def stored(owner: psycopg.Cursor, pk: object) -> dict:
    names = [field.column for field in AuditEntry._meta.local_fields]
    values = owner.execute(
        f"select {', '.join(names)} from audit_auditentry where id = %s", [pk]
    ).fetchone()
    return json.loads(json.dumps(AuditEntry(**dict(zip(names, values, strict=True))).content()))


@pytest.fixture
def old(committed):
    """Alice, whose first eight entries and a seal are four years old and behind a checkpoint."""
    alice = committed("Alice")
    decide(alice, 3)
    assert seal(alice.tenant.id) == 3
    with alice.scope:
        for _ in range(4):
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
    age(alice, 4 * 365, until=8)
    with alice.scope:
        make_checkpoint(at_once=True)
        for _ in range(3):
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
        assert verify_chain().ok
    return alice


def seqs() -> list[int]:
    return list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True))


def test_old_entries_are_deleted_behind_a_checkpoint_and_the_rest_still_verifies(old):
    assert prune(old.tenant.id) == 8
    assert prune(old.tenant.id) == 0
    with old.scope:
        assert seqs() == [9, 10, 11, 12]
        told = AuditEntry.objects.get(action="log.pruned")
        assert told.detail.get().details == {"until": 8, "entries": 8, "sealed_rows": 3}
        assert (Seal.objects.count(), SealedRow.objects.count()) == (1, 0)
        assert AuditDetail.objects.count() == 4
        found = verify_chain()
        assert (found.ok, found.entries, found.checkpoints) == (True, 4, 1)
        make_checkpoint(at_once=True)
        assert verify_chain().checkpoints == 2


def test_an_export_of_a_pruned_log_verifies_from_its_checkpoint_on(old):
    prune(old.tenant.id)
    with old.scope:
        make_checkpoint(at_once=True)
    content = content_of(make_evidence(old))
    assert content["entries.jsonl"].startswith(b'{"action"')
    assert content["checkpoints.jsonl"].count(b"\n") == 2
    assert faults(old, content) == []
    held = content["checkpoints.jsonl"].splitlines()
    for checkpoint in held:
        assert faults(old, content, checkpoint) == []


def test_what_is_not_old_enough_stays(old, settings):
    settings.AUDIT_DAYS = 5 * 365
    assert prune(old.tenant.id) == 0
    with old.scope:
        assert len(seqs()) == 11


def test_without_a_checkpoint_nothing_is_deleted(committed):
    alice = committed("Alice")
    age(alice, 4 * 365, until=3)
    assert prune(alice.tenant.id) == 0


REFUSED = [
    "delete from audit_auditentry",  # young entries among them
    "delete from audit_auditentry where seq = 8",  # leaves older ones
    "delete from audit_auditentry where seq <= 7",  # not up to a checkpoint
    "delete from audit_auditentry where seq between 2 and 8",
    "update audit_auditentry set reason = 'x' where seq = 1",
    "delete from audit_auditcheckpoint",
    "delete from audit_seal",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_s32_the_database_lets_go_of_nothing_else(old, statement):
    """Acceptance statement 32: not even of old entries, unless from the beginning of the log and
    up to a checkpoint."""
    with (
        pytest.raises(ProgrammingError, match=r"append-only|permission denied"),
        old.scope,
        connection.cursor() as cursor,
    ):
        AuditDetail.objects.all().delete()
        cursor.execute(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_owner(old.tenant.id) as owner:
        owner.execute("delete from audit_auditdetail")
        owner.execute(statement)
    with old.scope:
        assert len(seqs()) == 11 and verify_chain().ok


def test_s32_the_database_keeps_half_a_year_whatever_the_installation_says(committed, settings):
    """Acceptance statement 32, and the least time of AI Act art. 19."""
    alice = committed("Alice")
    age(alice, 182, until=3)
    with alice.scope:
        make_checkpoint(at_once=True)
    settings.AUDIT_DAYS = 1
    with pytest.raises(ProgrammingError, match="append-only"):
        prune(alice.tenant.id)
    with alice.scope:
        assert seqs() == [1, 2, 3]


def test_leaves_of_a_seal_stay_while_it_is_young(committed):
    alice = committed("Alice")
    decide(alice, 2)
    seal(alice.tenant.id)
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        alice.scope,
        connection.cursor() as cursor,
    ):
        cursor.execute("delete from audit_sealedrow")
    with alice.scope:
        assert SealedRow.objects.count() == 2 and Decision.objects.count() == 2


def test_a_beginning_that_nobody_told_of_does_not_pass_for_a_pruned_one(old):
    with as_owner(old.tenant.id) as owner:
        for table in GUARDED:
            owner.execute(f"alter table {table} disable trigger user")
        owner.execute("delete from audit_auditdetail where entry_id in "
                      "(select id from audit_auditentry where seq <= 8)")  # fmt: skip
        owner.execute("delete from audit_auditentry where seq <= 8")
        owner.execute("set constraints all immediate")
        for table in GUARDED:
            owner.execute(f"alter table {table} enable trigger user")
    with old.scope:
        found = verify_chain()
    assert (found.ok, found.seq, found.code) == (False, 9, "entry_missing")
