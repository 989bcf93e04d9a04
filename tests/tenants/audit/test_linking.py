"""Nobody waits for the chain's head, and the chain is whole all the same."""

import random
from itertools import count

import psycopg
import pytest
import rfc8785
from django.db import ProgrammingError, connection

from tenants.audit import linking
from tenants.audit.actor import system
from tenants.audit.canonical import canonical, canonical_of_row, leaf_hash
from tenants.audit.events import AuditEvent
from tenants.audit.linking import FACTS, WAITING, link
from tenants.audit.models import AuditDetail, AuditEntry, AuditHead, AuditWaiting
from tenants.audit.record import record
from tenants.audit.verify import verify_chain, verify_log
from tenants.ids import uuid7
from tenants.isolation.scope import tenant_scope
from tests.connections import as_owner, in_threads
from tests.tenants.audit.test_verify import GUARDED


def write(business, number: int, **how) -> int:
    with business.scope, connection.cursor() as cursor:
        cursor.execute("set local lock_timeout = '5s'")
        details = {"entries": number}
        return record(AuditEvent.LOG_VERIFIED, actor=business.actor, details=details, **how).seq


@pytest.fixture
def waiting(committed):
    """Alice with three entries that were committed while another transaction held the head."""
    alice = committed("Alice")
    with alice.scope:
        record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
        assert in_threads([lambda n=n: write(alice, n) for n in range(3)]) == [0, 0, 0]
    with alice.scope:
        assert AuditWaiting.objects.count() == 3
        assert verify_chain().waiting == 3
    return alice


def test_s31_64_writers_over_100_tenants_leave_gap_free_chains(committed):
    """Acceptance statement 31 (ASVS 16.4.2): whatever was committed has exactly one number."""
    first = committed("Alice")
    every = [first.tenant.id, *(uuid7() for _ in range(99))]
    chance, written, numbers = random.Random(31), dict.fromkeys(every, 0), count()

    def writer(seed: int):
        # The first tenant gets half of all: its writers meet.
        own = random.Random(seed)
        drawn = [every[0] if own.random() < 0.5 else own.choice(every) for _ in range(20)]

        def work() -> list:
            done = []
            for tenant_id in drawn:
                try:
                    with tenant_scope(tenant_id):
                        record(AuditEvent.LOG_VERIFIED, actor=system("test"))
                        if next(numbers) % 7 == 0:
                            raise ZeroDivisionError
                except ZeroDivisionError:
                    continue
                done.append(tenant_id)
            return done

        return work

    for done in in_threads([writer(chance.random()) for _ in range(64)]):
        for tenant_id in done:
            written[tenant_id] += 1
    written[every[0]] += 3  # its making
    for tenant_id, times in written.items():
        link(tenant_id)
        with tenant_scope(tenant_id):
            seqs = list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True))
            assert seqs == list(range(1, times + 1))
            assert not AuditWaiting.objects.exists()
            assert not times or verify_chain().ok


def test_a_writer_does_not_wait_for_another_and_the_next_one_links_both(waiting):
    assert write(waiting, 9) == 5
    with waiting.scope:
        told = AuditDetail.objects.order_by("entry__seq").values_list("details", flat=True)
        assert sorted(each["entries"] for each in list(told)[-3:]) == [0, 1, 2]
        assert verify_chain().ok and not AuditWaiting.objects.exists()


def test_the_duty_links_what_waits_in_parts(waiting, monkeypatch):
    monkeypatch.setattr(linking, "BATCH", 2)
    assert link(waiting.tenant.id) == 3
    assert link(waiting.tenant.id) == 0
    with waiting.scope:
        assert AuditHead.objects.get().seq == 7 and verify_chain().ok


def test_a_verification_keeps_nobody_from_the_head(waiting, monkeypatch):
    """Not even one who needs a number, such as an erasure; what waits is told, and left to the
    duty."""
    told = []

    def look():
        told.append(verify_chain().waiting)
        in_threads([lambda: write(waiting, 9, numbered=True)])
        return verify_chain()

    monkeypatch.setattr("tenants.audit.verify.verify_chain", look)
    with waiting.scope:
        assert verify_log(actor=waiting.actor).ok
    assert told == [3]


def test_whoever_needs_the_number_waits_for_it(committed):
    alice = committed("Alice")
    assert write(alice, 1, numbered=True) == 4
    with alice.scope, pytest.raises(psycopg.errors.LockNotAvailable):
        record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
        in_threads([lambda: _impatient(alice)])


def _impatient(alice) -> None:
    from django.db import OperationalError

    try:
        with alice.scope, connection.cursor() as cursor:
            cursor.execute("set local lock_timeout = '100ms'")
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor, numbered=True)
    except OperationalError as error:
        raise error.__cause__ from None


def test_s35_an_entry_that_waits_commits_and_rolls_back_with_its_change(committed):
    """Acceptance statement 35: linked or not, an entry is there exactly if its change is."""
    alice = committed("Alice")

    def fails() -> None:
        with pytest.raises(ZeroDivisionError), alice.scope:
            assert record(AuditEvent.LOG_VERIFIED, actor=alice.actor).seq == 0
            1 / 0

    with alice.scope:
        record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
        in_threads([fails, lambda: write(alice, 1), fails])
        with pytest.raises(ZeroDivisionError):
            rolled_back(alice)
    link(alice.tenant.id)
    with alice.scope:
        assert AuditHead.objects.get().seq == 5 == AuditEntry.objects.count()
        assert verify_chain().ok


def rolled_back(alice) -> None:
    """A part of a larger change that fails, with the head in its hands."""
    with alice.scope:
        record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
        1 / 0


STATEMENTS = [
    "delete from audit_auditwaiting",
    "update audit_auditwaiting set action = 'nothing'",
    "truncate audit_auditwaiting",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_s32_what_waits_can_be_neither_changed_nor_deleted(waiting, statement):
    """Acceptance statement 32, also of what is not linked yet."""
    with (
        pytest.raises(ProgrammingError, match=r"append-only|permission denied"),
        waiting.scope,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
        as_owner(waiting.tenant.id) as owner,
    ):
        owner.execute(statement)


def test_s32_what_waits_goes_only_when_the_log_holds_it_word_for_word(waiting):
    with waiting.scope:
        one = AuditWaiting.objects.first()
        facts = {name: getattr(one, name) for name in FACTS} | {"reason": "another"}
    with (
        pytest.raises(ProgrammingError, match="append-only"),
        waiting.scope,
    ):
        AuditEntry.objects.create(**facts, seq=99, prev_hash=b"", entry_hash=b"")
        AuditWaiting.objects.filter(pk=one.pk).delete()


def test_entries_of_the_first_format_still_verify(committed):
    """Written before entries were hashed in two steps; the chain goes on from them."""
    alice = committed("Alice")
    with as_owner(alice.tenant.id) as owner:
        for table in GUARDED:
            owner.execute(f"alter table {table} disable trigger user")
        with alice.scope:
            entries = list(AuditEntry.objects.order_by("seq"))
        previous = bytes(32)
        for entry in entries:
            entry.format, entry.prev_hash = 1, previous
            previous = leaf_hash(entry.content())
            owner.execute(
                "update audit_auditentry set format = 1, prev_hash = %s, entry_hash = %s "
                "where id = %s", [entry.prev_hash, previous, entry.id]
            )  # fmt: skip
        owner.execute("update audit_audithead set hash = %s", [previous])
        for table in GUARDED:
            owner.execute(f"alter table {table} enable trigger user")
    write(alice, 1)
    with alice.scope:
        assert list(AuditEntry.objects.order_by("seq").values_list("format", flat=True)) == [
            1, 1, 1, 2,
        ]  # fmt: skip
        assert verify_chain().ok


def test_the_functions_know_the_columns_of_the_table():
    """`audit_append` takes a row: its values stand in the order of the table's columns."""
    assert tuple(field.column for field in AuditWaiting._meta.local_fields)[: len(WAITING)]
    assert {field.column for field in AuditWaiting._meta.local_fields} == set(WAITING)
    assert {field.column for field in AuditEntry._meta.local_fields} == {
        *FACTS, "seq", "prev_hash", "entry_hash",
    }  # fmt: skip


VALUES = [
    0, -1, 1 << 53, (1 << 53) - 1, True, None, 0.0, -0.0, 1.0, 0.5, 1e-4, 9.9e-5, 1e-7, 1e16,
    123456.789, 1e21, "", "é", "☃", "𝄞", "\u2028", "\x7f", "\x00", '"\\/\b\f\n\r\t', "\ue000",
]  # fmt: skip


def test_the_quick_encoder_writes_what_the_standard_says():
    """RFC 8785, against the library that knows nothing else."""
    chance = random.Random(8785)

    def value(depth: int):
        if depth and chance.random() < 0.4:
            inner = [value(depth - 1) for _ in range(chance.randrange(4))]
            if chance.random() < 0.5:
                return inner
            return {chance.choice(["a", "B", "10", "9", "é", "z_1", "\ue000", "𝄞"]): each
                    for each in inner}  # fmt: skip
        if chance.random() < 0.3:
            return chance.uniform(-1, 1) * 10 ** chance.randrange(-12, 25)
        return chance.choice([one for one in VALUES if one != 1 << 53])

    for _ in range(3000):
        content = {"x": value(4), "a": value(2)}
        assert canonical(content) == rfc8785.dumps(content)
        assert canonical_of_row(content) == rfc8785.dumps(content)
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical({"x": 1 << 53})
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical({"x": float("nan")})
    for odd in (float("nan"), float("inf"), 1 << 53, 1 << 70):
        with pytest.raises(rfc8785.CanonicalizationError):
            canonical_of_row({"x": odd})
