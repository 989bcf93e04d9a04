"""Restrictions and objections: they stop every use at once and leave what is stored."""

from contextlib import suppress
from threading import Event
from time import sleep

import pytest
from django.db import connection
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.consent.fold import fold
from tenants.consent.ledger import Notices, fact_of, flags_for, refold
from tenants.consent.models import ConsentFlag, ConsentRecord, ConsentState
from tenants.consent.queries import consenting, raised_flags, state_at, storable, why_not_storable
from tenants.consent.services import lift_flag, record_consent, set_flag
from tenants.consent.store import ConsentRows
from tenants.consent.vocabulary import ConsentEvent, FlagKind, Purpose, Use
from tenants.errors import Conflict, NotFound
from tenants.subjects.directory import audit_ref, resolve
from tenants.subjects.store import SubjectRows
from tenants.work.models import WorkItem
from tests.connections import in_threads
from tests.tenants.consent.acts import ASKED, act, archive

E = ConsentEvent


@pytest.fixture
def person(alice) -> int:
    """Somebody who gave every consent that the notice asks for."""
    archive(alice)
    with alice.scope:
        for purpose in ASKED:
            record_consent(act=act("u1", E.GIVEN, purpose=purpose), actor=alice.actor)
        return resolve(["u1"])["u1"]


def states() -> dict[str, tuple[str, str]]:
    rows = ConsentState.objects.values_list("purpose", "state", "code")
    return {purpose: (state, code) for purpose, state, code in rows}


@pytest.mark.parametrize("kind, word", [("restriction", "restricted"), ("objection", "objected")])
def test_a_flag_for_all_purposes_stops_every_use_and_lifting_brings_it_back(
    alice, person, kind, word
):
    with alice.scope:
        told = {"subject_id": person, "kind": kind, "actor": alice.actor}
        set_flag(**told, purposes=None, reason="Asked on paper.")
        assert states() == dict.fromkeys(map(str, ASKED), (word, word))
        assert not any(consenting(use).exists() for use in Use)
        assert storable([person]) == set()
        assert why_not_storable([person]) == {person: word}
        assert raised_flags(person) == {FlagKind(kind): list(Purpose)}
        lift_flag(**told, reason="Settled.")
        assert states() == dict.fromkeys(map(str, ASKED), ("given", ""))
        assert raised_flags(person) == {}
        assert consenting(Use.TRAINING).exists()
    assert WorkItem.objects.filter(kind="release", tenant_id=alice.tenant.id).exists()


def test_a_flag_for_one_purpose_leaves_the_others(alice, person):
    with alice.scope:
        set_flag(
            subject_id=person, kind="objection", purposes=[Purpose.MODEL_TRAINING],
            actor=alice.actor, reason="",
        )  # fmt: skip
        assert states()["model_training"] == ("objected", "objected")
        assert states()["personalised_recommendation"] == ("given", "")
        assert not consenting(Use.TRAINING).exists()
        assert consenting(Use.PERSONALISED_ANSWER).exists()
        assert raised_flags(person) == {FlagKind.OBJECTION: [Purpose.MODEL_TRAINING]}


def test_no_fresh_consent_overrides_a_flag(alice, person):
    """Restriction and objection override any state, also one that comes after them."""
    with alice.scope:
        set_flag(subject_id=person, kind="restriction", purposes=None, actor=alice.actor, reason="")
        record_consent(act=act("u1", E.GIVEN, 5), actor=alice.actor)
        assert states()["model_training"] == ("restricted", "restricted")


def test_what_was_known_before_the_flag_can_still_be_asked(alice, person):
    with alice.scope:
        before = now()
        set_flag(subject_id=person, kind="restriction", purposes=None, actor=alice.actor, reason="")
        purpose = Purpose.MODEL_TRAINING
        assert state_at(person, purpose, now()).state == "restricted"
        assert state_at(person, purpose, before).state == "given"
        assert state_at(person, purpose, now(), known_at=before).state == "given"


def test_a_flag_leaves_one_entry_that_names_nobody(alice, person):
    with alice.scope:
        flag = set_flag(
            subject_id=person, kind="objection", purposes=[Purpose.MARKETING],
            actor=alice.actor, reason="Their own words",
        )  # fmt: skip
        (entry,) = AuditEntry.objects.filter(action="consent.flag_set")
        assert entry.detail.get().details == {"kind": "objection", "purposes": ["marketing"]}
        assert (entry.object_id, entry.subject_ref) == (flag.public_id, audit_ref(person))
        lift_flag(subject_id=person, kind="objection", actor=alice.actor, reason="")
        (entry,) = AuditEntry.objects.filter(action="consent.flag_lifted")
        assert entry.detail.get().details == {"kind": "objection"}


def test_what_is_not_set_cannot_be_lifted(alice, person):
    with alice.scope:
        set_flag(subject_id=person, kind="objection", purposes=None, actor=alice.actor, reason="")
        with pytest.raises(Conflict) as refused:
            lift_flag(subject_id=person, kind="restriction", actor=alice.actor, reason="")
        assert refused.value.code == "flag_not_set"
        assert ConsentFlag.objects.count() == 1


def test_a_flag_needs_somebody_of_this_tenant(alice, bob, person):
    with bob.scope, pytest.raises(NotFound):
        set_flag(subject_id=person, kind="objection", purposes=None, actor=bob.actor, reason="")
    with alice.scope:
        SubjectRows().erase(person)
        with pytest.raises(NotFound):
            set_flag(
                subject_id=person, kind="objection", purposes=None, actor=alice.actor, reason=""
            )
        assert not ConsentFlag.objects.exists()


def test_the_stored_state_is_the_folds_with_flags(alice, person):
    """Acceptance statement 2, with flags beside the records."""
    with alice.scope:
        for kind in ("restriction", "objection"):
            set_flag(
                subject_id=person, kind=kind, purposes=[Purpose.SERVICE], actor=alice.actor,
                reason="",
            )  # fmt: skip
        lift_flag(subject_id=person, kind="restriction", actor=alice.actor, reason="")
        flags, notices = list(ConsentFlag.objects.all()), Notices()
        for state in ConsentState.objects.all():
            records = ConsentRecord.objects.filter(purpose=state.purpose)
            facts = [fact_of(record, notices) for record in records]
            folded = fold(facts, flags=flags_for(state.purpose, flags))
            assert (state.state, state.code) == (folded.state, folded.code)
        assert states()["service"] == ("objected", "objected")


def test_a_fold_that_fails_leaves_no_cursor_open(alice, person):
    """One that is collected later would break whatever transaction the connection is in then."""
    with alice.scope, connection.cursor() as cursor:
        ConsentFlag.objects.create(
            subject_id=person, kind="unheard of", raised=True, actor_ref="x", recorded_at=now()
        )
        with pytest.raises(ValueError, match="FlagKind") as kept:
            refold({(person, Purpose.MODEL_TRAINING)})
        cursor.execute("select count(*) from pg_cursors where name like '%%django%%'", [])
        assert (cursor.fetchone(), kept.type) == ((0,), ValueError)


def test_erasing_takes_the_flags_with_their_reasons(alice, person):
    with alice.scope:
        set_flag(
            subject_id=person, kind="objection", purposes=None, actor=alice.actor, reason="Words"
        )
        assert ConsentRows().count(person)["consent_flag"] == 1
        (row,) = ConsentRows().export(person)["consent_flag"]
        assert (row["kind"], row["raised"], row["reason"]) == ("objection", True, "Words")
        assert ConsentRows().erase(person)["consent_flag"] == 1
        assert not ConsentFlag.objects.exists()


STOPPED: list[list[tuple[str, str]]] = []


def note(records) -> None:
    """What stands above the ledger and is told of every stop."""
    STOPPED.append([(record.event, record.purpose) for record in records])


def test_whoever_stands_above_is_told_of_what_ends(alice, person, settings):
    settings.CONSENT_STOPS = [f"{__name__}.note"]
    STOPPED.clear()
    with alice.scope:
        for event in (E.REQUESTED, E.WITHDRAWN, E.GIVEN, E.INVALIDATED):
            record_consent(act=act("u1", event, 3), actor=alice.actor)
    assert STOPPED == [[("withdrawn", "model_training")], [("invalidated", "model_training")]]


@pytest.mark.parametrize("erased", [True, False])
def test_a_flag_waits_for_whoever_erases_or_records_meanwhile(committed, erased):
    """It is no word about somebody who is gone, and no fold of a new purpose misses it."""
    alice = committed("Alice")
    archive(alice)
    done, found = Event(), []
    with alice.scope:
        person = resolve(["u1"])["u1"]

    def change() -> None:
        with alice.scope:
            if erased:
                SubjectRows().erase(person)
            else:
                record_consent(act=act("u1", E.GIVEN), actor=alice.actor)
            done.set()
            sleep(0.5)

    def flag() -> None:
        done.wait(10)
        told = {"subject_id": person, "kind": "objection", "purposes": None, "reason": ""}
        with suppress(NotFound), alice.scope:
            set_flag(**told, actor=alice.actor)
            found.append(states())

    in_threads([change, flag])
    assert found == ([] if erased else [{"model_training": ("objected", "objected")}])
    with alice.scope:
        assert ConsentFlag.objects.exists() is not erased
