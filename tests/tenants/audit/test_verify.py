"""Verification finds every kind of tampering, also by the owner of the database."""

import time
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from recommend.models import Decision
from tenants.audit.checkpoints import make_checkpoint
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditDetail, AuditEntry, Seal, SealedRow
from tenants.audit.record import record
from tenants.audit.sealing import seal
from tenants.audit.verify import Verdict, verify_chain
from tenants.ids import uuid7
from tests.connections import as_owner, in_threads

GUARDED = (
    "audit_audithead", "audit_auditentry", "audit_auditdetail", "audit_seal", "audit_sealedrow",
    "recommend_decision", "audit_auditcheckpoint",
)  # fmt: skip


@pytest.fixture
def alice(committed):
    """Alice, whose log is committed, so that a second connection can tamper with it."""
    alice = committed("Alice")
    with alice.scope:
        for _ in range(4):
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor, details={"ok": True})
    assert verdict(alice) == Verdict(ok=True, entries=7, seals=0)
    return alice


def verdict(business) -> Verdict:
    with business.scope:
        return verify_chain()


def tamper(business, statement: str, *params: object) -> None:
    """As the owner, with the triggers that guard the log switched off for a moment."""
    with as_owner(business.tenant.id) as owner:
        for table in GUARDED:
            owner.execute(f"alter table {table} disable trigger user")
        owner.execute(statement, params)
        assert owner.rowcount > 0, "nothing was tampered with"
        owner.execute("set constraints all immediate")
        for table in GUARDED:
            owner.execute(f"alter table {table} enable trigger user")


FIELDS = [
    ("action", "'key.revoked'"),
    ("actor_ref", "'somebody else'"),
    ("object_id", "'another'"),
    ("object_version", "'2'"),
    ("occurred_at", "occurred_at - interval '1 day'"),
    ("recorded_at", "recorded_at + interval '1 microsecond'"),
    ("outcome", "'denied'"),
    ("subject_ref", "'ab'"),
    ("purpose", "'marketing'"),
    ("reason", "'x'"),
    ("request_id", "'x'"),
    ("details_commit", "sha256('x')"),
    ("entry_hash", "sha256('x')"),
    ("id", "gen_random_uuid()"),
]


@pytest.mark.parametrize("field, value", FIELDS, ids=[name for name, _ in FIELDS])
def test_an_edited_entry_is_named(alice, field, value):
    """Acceptance statement 29, in the database itself."""
    if field == "id":
        tamper(alice, "delete from audit_auditdetail")
    tamper(alice, f"update audit_auditentry set {field} = {value} where seq = 5")
    found = verdict(alice)
    assert (found.ok, found.entries, found.seq, found.code) == (False, 4, 5, "entry_altered")


def test_a_link_that_was_rewritten_is_named(alice):
    tamper(alice, "update audit_auditentry set prev_hash = sha256('x') where seq = 5")
    assert (verdict(alice).seq, verdict(alice).code) == (5, "link_broken")


def test_a_deleted_entry_is_missed(alice):
    """Acceptance statement 30."""
    tamper(alice, "delete from audit_auditdetail")
    tamper(alice, "delete from audit_auditentry where seq = 5")
    assert (verdict(alice).seq, verdict(alice).code) == (6, "entry_missing")


def test_entries_that_changed_places_are_found(alice):
    tamper(alice, "update audit_auditentry set seq = -seq where seq in (5, 6)")
    tamper(alice, "update audit_auditentry set seq = 11 + seq where seq in (-5, -6)")
    assert (verdict(alice).seq, verdict(alice).code) == (5, "link_broken")


def test_a_tail_that_was_cut_off_is_missed(alice):
    tamper(alice, "delete from audit_auditdetail")
    tamper(alice, "delete from audit_auditentry where seq > 5")
    found = verdict(alice)
    assert (found.ok, found.entries, found.seq, found.code) == (False, 5, 7, "entries_missing")


def test_a_log_without_its_head_does_not_pass_for_a_short_one(alice):
    tamper(alice, "delete from audit_audithead")
    assert (verdict(alice).ok, verdict(alice).code) == (False, "head_missing")


def test_a_log_that_is_gone_altogether_does_not_pass_for_an_empty_one(alice):
    for table in ("audit_auditdetail", "audit_auditentry", "audit_audithead"):
        tamper(alice, f"delete from {table}")
    assert (verdict(alice).ok, verdict(alice).code) == (False, "head_missing")


def test_a_head_that_was_moved_is_found(alice):
    tamper(alice, "update audit_audithead set hash = sha256('x')")
    assert (verdict(alice).seq, verdict(alice).code) == (7, "entries_missing")


def test_edited_details_are_named(alice):
    tamper(
        alice,
        "update audit_auditdetail set details = %s where entry_id = "
        "(select id from audit_auditentry where seq = 5)",
        '{"ok": false}',
    )
    assert (verdict(alice).seq, verdict(alice).code) == (5, "details_altered")


def test_without_its_details_the_chain_still_verifies(alice):
    """Acceptance statement 33: what erasure removes is not what the chain rests on."""
    with alice.scope:
        assert AuditDetail.objects.all().delete()[0] == 7
    assert verdict(alice) == Verdict(ok=True, entries=7, seals=0)


def test_writing_meanwhile_is_no_fault(alice, monkeypatch):
    """An entry that commits while the log is read was not there when the head was."""
    from tenants.audit import verify

    def write() -> None:
        with alice.scope:
            record(AuditEvent.LOG_VERIFIED, actor=alice.actor)

    read_head = verify.AuditHead.objects.first

    def head_then_write():
        head = read_head()
        in_threads([write])
        return head

    monkeypatch.setattr(verify.AuditHead.objects, "first", head_then_write)
    assert verdict(alice) == Verdict(ok=True, entries=8, seals=0)


def decide(business, count: int) -> None:
    with business.scope:
        Decision.objects.bulk_create(
            Decision(
                occurred_at=now(),
                subject_id=number,
                personalised=True,
                purpose="personalised_recommendation",
                key_ref="key_1",
                items=[{"item": number, "score": 0.5, "reason": {"code": "bought", "params": {}}}],
            )
            for number in range(count)
        )


@pytest.fixture
def sealed(alice):
    """Alice with five answers under one seal."""
    decide(alice, 5)
    assert seal(alice.tenant.id) == 5
    assert verdict(alice) == Verdict(ok=True, entries=8, seals=1)
    return alice


def test_answers_are_sealed_once(sealed):
    decide(sealed, 2)
    assert seal(sealed.tenant.id) == 2
    assert seal(sealed.tenant.id) == 0
    with sealed.scope:
        assert SealedRow.objects.count() == 7
        assert list(Seal.objects.order_by("id").values_list("count", flat=True)) == [5, 2]
        assert AuditEntry.objects.filter(action="decisions.sealed").count() == 2
    assert verdict(sealed) == Verdict(ok=True, entries=9, seals=2)


def test_the_chain_tells_the_root_of_every_seal(sealed):
    with sealed.scope:
        entry = AuditEntry.objects.get(action="decisions.sealed")
        made = Seal.objects.get()
    assert (entry.object_id, entry.object_version) == (made.public_id, bytes(made.root).hex())


@pytest.mark.parametrize("hours", [-23, 0, 240])
def test_answers_of_late_transactions_and_of_clocks_that_go_ahead_are_sealed_too(sealed, hours):
    """Ids are made before they are committed, and by the clocks of several machines."""
    moment = time.time_ns() // 1_000_000 + hours * 3_600_000
    with sealed.scope:
        own = Decision.objects.order_by("id").last()
        own.pk = UUID(int=(moment << 80) | own.pk.int & (1 << 80) - 1)
        own.save(force_insert=True)
    assert seal(sealed.tenant.id) == 1
    decide(sealed, 2)
    assert seal(sealed.tenant.id) == 2


def test_more_answers_than_a_batch_holds_take_more_seals(alice, monkeypatch):
    monkeypatch.setattr("tenants.audit.sealing.BATCH", 2)
    decide(alice, 5)
    assert seal(alice.tenant.id) == 5
    with alice.scope:
        assert sorted(Seal.objects.values_list("count", flat=True)) == [1, 2, 2]


def test_only_one_sealer_seals(alice):
    decide(alice, 20)
    counts = in_threads([lambda: seal(alice.tenant.id)] * 6)
    assert sorted(counts) == [0, 0, 0, 0, 0, 20]
    assert verdict(alice).ok


BROKEN = [
    ("update recommend_decision set personalised = false where subject_id = 3",
     "sealed_row_altered"),
    ("update recommend_decision set items = '[]' where subject_id = 3", "sealed_row_altered"),
    ("update audit_sealedrow set leaf = sha256('x') where position = 2", "seal_broken"),
    ("update audit_sealedrow set position = 9 where position = 2", "seal_broken"),
    ("delete from audit_sealedrow where position = 4", "seal_broken"),
    ("update audit_seal set root = sha256('x')", "seal_broken"),
    ("update audit_seal set count = 4", "seal_broken"),
    ("update audit_seal set stream = 'gone'", "stream_unknown"),
]  # fmt: skip


@pytest.mark.parametrize("statement, code", BROKEN)
def test_tampering_with_sealed_answers_is_found(sealed, statement, code):
    tamper(sealed, statement)
    found = verdict(sealed)
    assert (found.ok, found.code) == (False, code)


def test_a_seal_made_anew_over_altered_answers_is_found(sealed):
    """Row, leaf and root rewritten together agree with each other, but not with the chain."""
    from tenants.audit.canonical import merkle_root
    from tenants.audit.sealing import streams

    tamper(sealed, "update recommend_decision set personalised = false where subject_id = 3")
    with sealed.scope:
        row = Decision.objects.get(subject_id=3)
        leaf = streams()["decisions"].leaves([row.id])[row.id]
    tamper(sealed, "update audit_sealedrow set leaf = %s where row_id = %s", leaf, row.id)
    with sealed.scope:
        leaves = SealedRow.objects.order_by("position").values_list("leaf", flat=True)
        root = merkle_root([bytes(leaf) for leaf in leaves])
    tamper(sealed, "update audit_seal set root = %s", root)
    assert (verdict(sealed).ok, verdict(sealed).code) == (False, "seal_broken")


def test_a_seal_that_is_gone_is_missed(sealed):
    tamper(sealed, "delete from audit_sealedrow")
    tamper(sealed, "delete from audit_seal")
    assert (verdict(sealed).ok, verdict(sealed).code) == (False, "seal_missing")


def test_an_erased_answer_leaves_the_seal_whole(sealed):
    with sealed.scope:
        Decision.objects.filter(subject_id=3).delete()
    assert verdict(sealed) == Verdict(ok=True, entries=8, seals=1)


def test_the_command_says_ok_and_names_what_is_broken(sealed, capsys):
    call_command("audit_verify", tenant=sealed.tenant.id)
    assert capsys.readouterr().out == f"{sealed.tenant.id}  8 entries, 1 seals  ok\n"
    tamper(sealed, "update audit_auditentry set reason = 'x' where seq = 2")
    with pytest.raises(CommandError, match="1 of 1 logs do not verify") as raised:
        call_command("audit_verify", tenant=sealed.tenant.id)
    assert raised.value.returncode == 1
    out = capsys.readouterr().out
    assert out == f"{sealed.tenant.id}  1 entries, 0 seals  BROKEN at 2: entry_altered\n"


def test_the_command_looks_at_every_tenant(sealed, committed, capsys):
    bob = committed("Bob")
    tamper(sealed, "update audit_auditentry set reason = 'x' where seq = 2")
    with pytest.raises(CommandError, match="1 of 2 logs do not verify"):
        call_command("audit_verify")
    assert f"{bob.tenant.id}  3 entries, 0 seals  ok" in capsys.readouterr().out


def test_the_command_knows_no_strangers(alice):
    with pytest.raises(CommandError, match="There is no tenant"):
        call_command("audit_verify", tenant=uuid7())


@pytest.fixture
def marked(alice):
    """Alice with checkpoints at 7 and at 9."""
    for count in (0, 2):
        with alice.scope:
            for _ in range(count):
                record(AuditEvent.LOG_VERIFIED, actor=alice.actor)
            make_checkpoint(at_once=True)
    assert verdict(alice) == Verdict(ok=True, entries=9, seals=0, checkpoints=2)
    return alice


MARKS = [
    ("update audit_auditcheckpoint set root = sha256('x') where size = 7", 7, "checkpoint_altered"),
    ("update audit_auditcheckpoint set signature = '' where size = 9", 9, "checkpoint_altered"),
    ("update audit_auditcheckpoint set size = 8 where size = 9", 8, "checkpoint_altered"),
    ("delete from audit_auditcheckpoint where size = 7", None, ""),
]  # fmt: skip


@pytest.mark.parametrize("statement, seq, code", MARKS)
def test_tampering_with_checkpoints_is_found(marked, statement, seq, code):
    tamper(marked, statement)
    assert (verdict(marked).seq, verdict(marked).code) == (seq, code)


def test_s30_a_tail_cut_off_with_its_head_moved_is_missed_by_the_checkpoint(marked):
    """Acceptance statement 30: the head was moved back with the entries, the checkpoint was not."""
    tamper(marked, "delete from audit_auditdetail")
    tamper(
        marked,
        "update audit_audithead set seq = 8, hash = "
        "(select entry_hash from audit_auditentry where seq = 8)",
    )
    tamper(marked, "delete from audit_auditentry where seq > 8")
    found = verdict(marked)
    assert (found.ok, found.entries, found.seq, found.code) == (False, 8, 9, "entries_missing")
