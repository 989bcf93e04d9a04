"""Writing the log: what an entry holds, what may not stand in it, what keeps it."""

import ast
import hashlib
from pathlib import Path

import psycopg
import pytest
import rfc8785
from django.db import ProgrammingError, connection, transaction

from tenants.audit.canonical import merkle_root, node_hash
from tenants.audit.events import BY_ACTION, AuditEvent
from tenants.audit.linking import link
from tenants.audit.models import AuditDetail, AuditEntry, AuditHead
from tenants.audit.record import record
from tenants.audit.verify import verify_chain
from tests.connections import as_owner, in_threads
from tests.tenants.isolation.rows import fill_every_table

ROOT = Path(__file__).resolve().parents[3]


def last() -> AuditEntry:
    return AuditEntry.objects.order_by("-seq").first()


def test_a_new_tenants_log_begins_with_its_making(alice):
    with alice.scope:
        entries = list(AuditEntry.objects.order_by("seq"))
    assert [(e.seq, e.action, e.object_type) for e in entries] == [
        (1, "tenant.created", "tenant"),
        (2, "member.added", "member"),
        (3, "key.created", "key"),
    ]
    assert entries[0].object_id == alice.tenant.public_id
    assert bytes(entries[0].prev_hash) == bytes(32)
    assert bytes(entries[2].prev_hash) == bytes(entries[1].entry_hash)


def test_an_entry_says_who_did_what_to_what_and_when(alice):
    with alice.scope:
        entry = record(
            AuditEvent.KEY_REVOKED,
            actor=alice.actor,
            object_id="key_1",
            details={"redacted": "ak_…"},
            purpose="analytics",
        )
        stored = last()
        detail = AuditDetail.objects.get(entry=stored)
    assert stored.pk == entry.pk
    assert stored.content() == {
        "v": 2,
        "tenant": str(alice.tenant.id),
        "seq": 4,
        "id": str(entry.id),
        "occurred_at": entry.content()["occurred_at"],
        "recorded_at": entry.content()["recorded_at"],
        "actor": {
            "type": "member",
            "ref": alice.member,
            "role": "owner",
            "auth": "test",
        },
        "action": "key.revoked",
        "object": {"type": "key", "id": "key_1", "version": ""},
        "subject_ref": "",
        "purpose": "analytics",
        "lawful_basis": "",
        "outcome": "success",
        "reason": "",
        "request_id": "",
        "policy_version": "",
        "details_commit": bytes(stored.details_commit).hex(),
        "prev_hash": bytes(stored.prev_hash).hex(),
    }
    assert detail.details == {"redacted": "ak_…"}


def test_the_hash_of_an_entry_can_be_recomputed_without_our_code(alice):
    """RFC 8785 JSON behind 0x02, then a leaf of RFC 9162 over its place and that hash."""
    with alice.scope:
        entry = last()
        detail = AuditDetail.objects.get(entry=entry)
    content = entry.content()
    place = content.pop("seq").to_bytes(8, "big") + bytes.fromhex(content.pop("prev_hash"))
    inner = hashlib.sha256(b"\x02" + rfc8785.dumps(content)).digest()
    assert bytes(entry.entry_hash) == hashlib.sha256(b"\x00" + place + inner).digest()
    told = hashlib.sha256(bytes(detail.salt) + rfc8785.dumps(detail.details)).digest()
    assert bytes(entry.details_commit) == told


def test_equal_details_have_unequal_commitments(alice):
    with alice.scope:
        made = [
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor, details={"ok": True})
            for _ in range(2)
        ]
    assert made[0].details_commit != made[1].details_commit


def test_a_detail_that_the_registry_does_not_name_is_refused(alice):
    with alice.scope:
        with pytest.raises(ValueError, match="may not hold \\['email'\\]"):
            record(AuditEvent.MEMBER_ADDED, actor=alice.actor, details={"email": "a@b.example"})
        assert AuditEntry.objects.count() == 3


def test_a_change_that_is_rolled_back_leaves_no_entry(alice):
    """Acceptance statement 35."""
    with alice.scope:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
            1 / 0
        assert AuditEntry.objects.count() == 3
        assert record(AuditEvent.LOG_VERIFIED, actor=alice.actor).seq == 4
        assert verify_chain().ok


@pytest.mark.parametrize("table", ["audit_auditentry", "audit_seal", "audit_sealedrow"])
@pytest.mark.parametrize("verb", ["update {} set tenant_id = tenant_id", "delete from {}"])
def test_the_application_cannot_change_what_is_written(alice, table, verb):
    """Acceptance statement 32."""
    with alice.scope:
        fill_every_table()
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|is append-only"),
        alice.scope,
        connection.cursor() as cursor,
    ):
        cursor.execute(verb.format(table))
    with alice.scope:
        assert AuditEntry.objects.count() == 3


def test_the_application_cannot_empty_the_log(alice):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        alice.scope,
        connection.cursor() as cursor,
    ):
        cursor.execute("truncate audit_auditentry cascade")
    with (
        pytest.raises(ProgrammingError, match="is append-only"),
        alice.scope,
        connection.cursor() as cursor,
    ):
        cursor.execute("delete from audit_audithead")


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_auditentry set action = 'nothing'",
        "delete from audit_auditentry",
        "truncate audit_auditentry cascade",
        "update audit_auditdetail set details = '{}'",
        "truncate audit_auditdetail",
        "update consent_consentrecord set event = 'given'",
        "truncate consent_consentrecord",
    ],
)
def test_even_the_owner_of_the_tables_is_refused(committed, statement):
    """Acceptance statement 32: by trigger, whatever the role."""
    alice = committed("Alice")
    with alice.scope:
        from tests.tenants.isolation.rows import fill_every_table

        fill_every_table()
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="is append-only"),
        as_owner(alice.tenant.id) as owner,
    ):
        owner.execute(statement)


def test_many_writers_leave_one_chain_without_gaps(committed):
    """Acceptance statement 31, with fewer of both: 8 writers over 3 tenants, one rolls back."""
    businesses = [committed(name) for name in ("Alice", "Bob", "Charlie")]

    def writer() -> None:
        for business in businesses:
            for number in range(4):
                try:
                    with business.scope:
                        record(AuditEvent.LOG_VERIFIED, actor=business.actor)
                        if number == 2:
                            raise ZeroDivisionError
                except ZeroDivisionError:
                    continue

    in_threads([writer] * 8)
    for business in businesses:
        link(business.tenant.id)
        with business.scope:
            verdict = verify_chain()
            assert (verdict.ok, verdict.entries) == (True, 3 + 8 * 3)


def test_two_tenants_writers_do_not_wait_for_each_other(committed):
    alice, bob = committed("Alice"), committed("Bob")

    def write() -> int:
        with bob.scope, connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '2s'")
            return record(AuditEvent.LOG_VERIFIED, actor=bob.actor).seq

    with alice.scope:
        record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
        assert in_threads([write]) == [4]


def test_the_head_is_the_last_entry(alice):
    with alice.scope:
        head, entry = AuditHead.objects.get(), last()
    assert (head.seq, bytes(head.hash)) == (entry.seq, bytes(entry.entry_hash))


def test_every_event_of_the_registry_is_recorded_somewhere():
    used = set()
    for path in [*ROOT.glob("tenants/**/*.py"), *ROOT.glob("training/**/*.py"),
                 *ROOT.glob("platform/**/*.py")]:  # fmt: skip
        used |= {
            node.attr
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "AuditEvent"
        }
    assert used == set(AuditEvent.__members__)


def test_every_event_has_an_action_of_its_own_and_a_sentence():
    assert len(BY_ACTION) == len(AuditEvent)
    assert all(str(kind.says) and kind.object and "." in kind.action for kind in BY_ACTION.values())


def test_a_tree_head_is_that_of_the_standard():
    """RFC 9162, section 2.1.1: leaves in order, split at the largest power of two."""
    a, b, c = (bytes([n]) * 32 for n in (1, 2, 3))
    assert merkle_root([a]) == a
    assert merkle_root([a, b, c]) == node_hash(node_hash(a, b), c)
    with pytest.raises(ValueError, match="at least one leaf"):
        merkle_root([])
