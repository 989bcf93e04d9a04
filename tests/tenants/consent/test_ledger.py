"""The ledger: what may become a record, and that the stored state is always the fold's."""

import random
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils.timezone import now

from tenants.audit.actor import system
from tenants.audit.canonical import leaf_hash
from tenants.audit.models import AuditEntry
from tenants.consent.fold import IN_PLACE, fold
from tenants.consent.ledger import Notices, append, fact_of, refusal
from tenants.consent.models import ConsentRecord, ConsentState, Notice
from tenants.consent.queries import (
    consenting,
    coverage,
    in_force,
    state_at,
    storable,
    why_not_storable,
)
from tenants.consent.services import record_batch, record_consent
from tenants.consent.vocabulary import (
    PURPOSE_OF,
    AgeBand,
    CollectionMethod,
    ConsentEvent,
    Purpose,
    Use,
)
from tenants.errors import AppError, Conflict
from tenants.subjects.models import Subject
from tests.connections import in_threads
from tests.tenants.consent.acts import ASKED, BEGIN, BODY, act, archive

E = ConsentEvent
DAY = timedelta(days=1)


@pytest.fixture
def notice(alice) -> Notice:
    return archive(alice)


def stored_is_folded() -> None:
    """Every stored state equals the fold over its records, and none is missing."""
    pairs = set(ConsentRecord.objects.values_list("subject_id", "purpose"))
    states = {(s.subject_id, s.purpose): s for s in ConsentState.objects.all()}
    assert set(states) == pairs
    notices = Notices()
    for (subject_id, purpose), state in states.items():
        records = ConsentRecord.objects.filter(subject_id=subject_id, purpose=purpose)
        folded = fold(fact_of(record, notices) for record in records)
        assert (state.state, state.code, state.valid_from, state.expires_at) == (
            folded.state,
            folded.code,
            folded.valid_from,
            folded.ends_at if folded.state in IN_PLACE else None,
        )
        assert str(state.record_id or "") == (folded.record_id or "")


def test_s07_a_grant_needs_an_archived_notice(alice, notice):
    """Acceptance statement 7."""
    with alice.scope:
        for wrong in (
            {"notice_id": "other"},
            {"notice_version": "2"},
            {"notice_language": "de"},
            {"notice_sha256": bytes(32)},
        ):
            refused = refusal(act("u1", E.GIVEN, **wrong), Notices(), now())
            assert (refused.code, refused.param) == ("notice_unknown", "notice_id")
        by_hash = {"notice_id": "", "notice_sha256": bytes(notice.sha256)}
        assert refusal(act("u1", E.GIVEN, **by_hash), Notices(), now()) is None
        assert refusal(act("u1", E.GIVEN), Notices(), now()) is None


def test_a_notice_of_another_tenant_is_none(alice, bob, notice):
    with bob.scope:
        refused = refusal(act("u1", E.GIVEN), Notices(), now())
        assert refused.code == "notice_unknown"


def test_a_grant_needs_a_notice_that_asks_for_its_purpose(alice, notice):
    with alice.scope:
        for purpose in Purpose:
            refused = refusal(act("u1", E.GIVEN, purpose=purpose), Notices(), now())
            expected = None if purpose in ASKED else "purpose_not_in_notice"
            assert (refused and refused.code) == expected


@pytest.mark.parametrize("event", sorted(set(ConsentEvent) - {E.GIVEN, E.RENEWED}))
def test_whatever_does_not_grant_needs_no_notice(alice, event):
    """Acceptance statement 17: withdrawing takes no more than giving."""
    with alice.scope:
        for purpose in Purpose:
            assert refusal(act("u1", event, purpose=purpose), Notices(), now()) is None


def test_an_act_from_the_future_is_refused(alice):
    at = now()
    with alice.scope:
        for ahead, expected in ((5, None), (5.02, "bad_time")):
            told = act("u1", E.WITHDRAWN, event_time=at + timedelta(minutes=ahead))
            refused = refusal(told, Notices(), at)
            assert (refused and refused.code) == expected


def test_a_refused_act_leaves_nothing(alice, notice):
    with alice.scope:
        with pytest.raises(AppError), transaction.atomic():
            record_consent(act=act("u1", E.GIVEN, notice_id="other"), actor=alice.actor)
        assert not ConsentRecord.objects.exists()
        assert not ConsentState.objects.exists()
        assert not AuditEntry.objects.filter(action="consent.recorded").exists()


def test_a_record_holds_what_was_shown_and_both_clocks(alice, notice):
    with alice.scope:
        written = record_consent(
            act=act("u1", E.GIVEN, jurisdiction="DE-BY", ui_variant="banner 3"), actor=alice.actor
        )
        stored = ConsentRecord.objects.get()
    assert stored.pk == written.pk
    assert (stored.notice_version, stored.notice_language) == ("1", "en")
    assert bytes(stored.notice_sha256) == bytes(notice.sha256)
    assert stored.pii_categories == ["purchases"]
    assert (stored.jurisdiction, stored.jurisdiction_derivation) == ("DE-BY", "declared")
    assert stored.controller_name == "Alice's shop"
    assert stored.event_time == BEGIN
    assert stored.event_time < stored.received_at <= stored.recorded_at
    assert stored.receipt_id.startswith("rcpt_")
    assert bytes(stored.record_hash) == leaf_hash(stored.content())


def test_the_hash_of_a_record_covers_every_field(alice, notice):
    with alice.scope:
        record_consent(act=act("u1", E.GIVEN), actor=alice.actor)
        content = ConsentRecord.objects.get().content()
    fields = {field.attname for field in ConsentRecord._meta.concrete_fields}
    assert set(content) == fields - {"record_hash"}


def test_what_is_not_said_of_the_place_follows_from_the_tenant(alice, notice):
    with alice.scope:
        record_consent(act=act("u1", E.GIVEN), actor=alice.actor)
        stored = ConsentRecord.objects.get()
    assert (stored.jurisdiction, stored.jurisdiction_derivation) == ("GB", "tenant_default")


def test_the_stored_state_is_the_folds_after_any_sequence(alice, notice):
    """Acceptance statement 2, through the database: single acts and batches in any order."""
    chance = random.Random(5)
    with alice.scope:
        for round_ in range(40):
            told = [
                act(
                    f"u{chance.randrange(3)}",
                    chance.choice(list(ConsentEvent)),
                    days=chance.randrange(6),
                    purpose=chance.choice(ASKED),
                    collection_method=chance.choice(
                        [CollectionMethod.WEB_FORM, CollectionMethod.IMPORT]
                    ),
                    expires_at=chance.choice([None, BEGIN + 4 * DAY, BEGIN + 9000 * DAY]),
                    evidence=chance.choice([{}, {"kind": "text", "value": "signed"}]),
                )
                for _ in range(chance.choice([1, 1, 5]))
            ]
            if len(told) == 1:
                record_consent(act=told[0], actor=system(f"round {round_}"))
            else:
                record_batch(acts=told)
            stored_is_folded()
        assert ConsentState.objects.count() == 9


def test_two_who_write_about_one_person_at_once_both_count(committed):
    """Neither may fold from a set that lacks the other's record."""
    alice = committed("Alice")
    archive(alice)
    with alice.scope:
        record_consent(act=act("u1", E.GIVEN), actor=alice.actor)

    def write(event: ConsentEvent, days: int):
        def run() -> None:
            with alice.scope:
                record_consent(act=act("u1", event, days), actor=alice.actor)

        return run

    in_threads([write(E.WITHDRAWN if n % 2 else E.GIVEN, n) for n in range(1, 8)])
    with alice.scope:
        assert ConsentRecord.objects.count() == 8
        stored_is_folded()
        assert ConsentState.objects.get().state == "withdrawn"


def test_what_did_we_know_then_about_then(alice, notice):
    """A withdrawal that is learnt late changes what we know of the past, not what we knew."""
    with alice.scope:
        given = record_consent(act=act("u1", E.GIVEN, 0), actor=alice.actor)
        before = now()
        record_consent(act=act("u1", E.WITHDRAWN, 1), actor=alice.actor)
        subject, purpose = given.subject_id, Purpose.MODEL_TRAINING
        at = BEGIN + 2 * DAY
        assert state_at(subject, purpose, at, known_at=before).state == "given"
        assert state_at(subject, purpose, at).code == "withdrawn"
        assert state_at(subject, purpose, BEGIN + DAY / 2).state == "given"
        assert state_at(subject, purpose, BEGIN - DAY).code == "no_record"
        assert state_at(subject, purpose, at, known_at=BEGIN).code == "no_record"


def test_a_consent_for_one_purpose_is_none_for_another(alice, notice):
    """Acceptance statement 11."""
    with alice.scope:
        written = record_consent(act=act("u1", E.GIVEN), actor=alice.actor)
        for use in Use:
            found = set(consenting(use).values_list("subject_id", flat=True))
            expected = {written.subject_id} if use == Use.TRAINING else set()
            assert found == expected
        others = set(Purpose) - {Purpose.MODEL_TRAINING}
        for purpose in others:
            assert state_at(written.subject_id, purpose, now()).code == "no_record"


def test_s18_refusing_one_purpose_leaves_another_working(alice, notice):
    """Acceptance statement 18."""
    with alice.scope:
        served = record_consent(act=act("u1", E.GIVEN, purpose=Purpose.SERVICE), actor=alice.actor)
        refused = act("u1", E.REFUSED, purpose=Purpose.MARKETING)
        record_consent(act=refused, actor=alice.actor)
        assert storable([served.subject_id]) == {served.subject_id}


def test_every_use_has_its_purpose():
    assert set(PURPOSE_OF) == set(Use)
    assert PURPOSE_OF[Use.TRAINING] == Purpose.MODEL_TRAINING
    assert PURPOSE_OF[Use.PERSONALISED_ANSWER] == Purpose.PERSONALISED_RECOMMENDATION


def test_the_database_and_the_fold_agree_on_what_is_in_force(alice, notice):
    """Acceptance statement 9: to the exact moment, by SQL as by Python."""
    end = BEGIN + 3 * DAY
    with alice.scope:
        written = record_consent(act=act("u1", E.GIVEN, 1, expires_at=end), actor=alice.actor)
        state = fold([fact_of(written, Notices())])
        small = timedelta(microseconds=1)
        for at in (BEGIN, BEGIN + DAY - small, BEGIN + DAY, end - small, end, end + small):
            assert ConsentState.objects.filter(in_force(at)).exists() == state.allows(at)


AGES = [
    ("GB", "under_13", False), ("GB", "under_14", False), ("GB", "under_16", False),
    ("GB", "13_to_15", False), ("GB", "14_to_17", False), ("GB", "16_to_17", True),
    ("GB", "adult", True), ("GB", "", True),
    ("CN-11", "under_13", False), ("CN-11", "under_14", False), ("CN-11", "under_16", False),
    ("CN-11", "13_to_15", False), ("CN-11", "14_to_17", True), ("CN", "adult", True),
]  # fmt: skip


@pytest.mark.parametrize("place, age_band, may", AGES)
def test_s10_a_child_needs_a_guardians_record(alice, notice, place, age_band, may):
    """Acceptance statement 10: who may be too young is taken to be."""
    with alice.scope:
        alone = act("u1", E.GIVEN, age_band=age_band, jurisdiction=place)
        written = record_consent(act=alone, actor=alice.actor)
        state = ConsentState.objects.get()
        assert (state.state == "given") is may
        if not may:
            assert state.code == "minor_no_guardian"
            told = {"age_band": age_band, "jurisdiction": place}
            own = act("u1", E.GIVEN, 1, **told, guardian_record_id=written.id)
            record_consent(act=own, actor=alice.actor)
            assert ConsentState.objects.get().code == "minor_no_guardian"
            parent = record_consent(act=act("parent", E.GIVEN), actor=alice.actor)
            guarded = act("u1", E.GIVEN, 2, **told, guardian_record_id=parent.id)
            record_consent(act=guarded, actor=alice.actor)
            state = ConsentState.objects.get(subject_id=written.subject_id)
            assert state.state == "given"


@pytest.mark.parametrize(
    "guardian",
    [
        {"event": E.WITHDRAWN},
        {"event": E.REQUESTED},
        {"event": E.GIVEN, "purpose": Purpose.SERVICE},
        {"event": E.GIVEN, "age_band": "under_16"},
        {"event": E.GIVEN, "expires_at": BEGIN + DAY},
    ],
)
def test_s10_a_guardians_record_must_be_a_valid_grant_by_somebody_old_enough(
    alice, notice, guardian
):
    """PIPL 31; GDPR 8: for the same purpose, and not run out when the child's was given."""
    with alice.scope:
        told = act("parent", **guardian)
        parent = record_consent(act=told, actor=alice.actor)
        child = act("child", E.GIVEN, 2, age_band="under_13", guardian_record_id=parent.id)
        written = record_consent(act=child, actor=alice.actor)
        state = ConsentState.objects.get(subject_id=written.subject_id)
        assert state.code == "minor_no_guardian"
        assert state_at(written.subject_id, Purpose.MODEL_TRAINING, now()).code == state.code


def test_an_age_that_is_no_known_word_grants_nothing(alice, notice):
    """A typing error must not make an adult of a child; a withdrawal must not fail for it."""
    with alice.scope:
        refused = refusal(act("u1", E.GIVEN, age_band="under14"), Notices(), now())
        assert refused.code == "unknown_age_band"
        assert all(
            refusal(act("u1", E.GIVEN, age_band=band.value), Notices(), now()) is None
            for band in AgeBand
        )
        stop = act("u1", E.WITHDRAWN, age_band="under14")
        assert refusal(stop, Notices(), now()) is None
        assert append([stop], Notices())[0].age_band == "under14"
        assert ConsentState.objects.get().code == "withdrawn"


def test_who_may_not_be_stored_is_told_the_strictest_reason(alice, notice):
    with alice.scope:
        record_consent(act=act("a", E.REQUESTED, purpose=Purpose.SERVICE), actor=alice.actor)
        record_consent(act=act("a", E.OPTED_OUT, purpose=Purpose.ANALYTICS), actor=alice.actor)
        record_consent(act=act("b", E.GIVEN, expires_at=BEGIN + DAY), actor=alice.actor)
        record_consent(act=act("c", E.WITHDRAWN), actor=alice.actor)
        record_consent(act=act("c", E.REFUSED, purpose=Purpose.SERVICE), actor=alice.actor)
        record_consent(
            act=act("d", E.GIVEN, event_time=now() + timedelta(minutes=4)), actor=alice.actor
        )
        ids = {
            name: record.subject_id
            for name, record in (
                (name, act(name, E.REQUESTED)) for name in ("a", "b", "c", "d", "e")
            )
        }
        assert storable(ids.values()) == set()
        codes = why_not_storable(ids.values())
    assert {name: codes.get(pk) for name, pk in ids.items()} == {
        "a": "opted_out",
        "b": "expired",
        "c": "withdrawn",
        "d": "no_record",
        "e": None,
    }


def test_coverage_counts_who_allows_each_purpose_now(alice, notice):
    with alice.scope:
        for user in ("u1", "u2", "u3"):
            record_consent(act=act(user, E.GIVEN), actor=alice.actor)
        record_consent(act=act("u1", E.WITHDRAWN, 1), actor=alice.actor)
        found = {each.purpose: (each.subjects, each.known) for each in coverage()}
        assert Subject.objects.count() == 3
    assert found == {
        Purpose.ANALYTICS: (0, 3),
        Purpose.PERSONALISED_RECOMMENDATION: (0, 3),
        Purpose.MODEL_TRAINING: (2, 3),
    }


def test_a_notice_is_archived_once_and_recorded(alice):
    first, again = archive(alice), archive(alice)
    assert first.pk == again.pk
    with alice.scope:
        (entry,) = AuditEntry.objects.filter(action="notice.archived")
        assert bytes(Notice.objects.get().body) == BODY
        assert entry.detail.get().details == {
            "sha256": bytes(first.sha256).hex(),
            "language": "en",
            "version": "1",
            "purposes": sorted(ASKED),
        }
    assert entry.object_id == first.public_id


@pytest.mark.parametrize(
    "changed, code",
    [
        ({"body": b"Other words."}, "notice_exists"),
        ({"purposes": [Purpose.SERVICE]}, "notice_exists"),
        ({"version": "2"}, "notice_text_exists"),
        ({"language": "de"}, "notice_text_exists"),
    ],
)
def test_an_archived_notice_cannot_be_given_another_meaning(alice, notice, changed, code):
    with pytest.raises(Conflict) as refused:
        archive(alice, **changed)
    assert refused.value.code == code
    with alice.scope:
        assert Notice.objects.count() == 1
        assert AuditEntry.objects.filter(action="notice.archived").count() == 1


@pytest.mark.parametrize("empty", [{"body": b"  "}, {"purposes": []}])
def test_an_empty_notice_is_refused(alice, empty):
    with pytest.raises(AppError) as refused:
        archive(alice, **empty)
    assert refused.value.code == "notice_empty"
