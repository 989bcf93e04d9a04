"""A changed notice: consents under the earlier version rest from its moment until renewed."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.consent.changing import look
from tenants.consent.models import ConsentState, Notice
from tenants.consent.queries import consenting, state_at, storable, why_not_storable
from tenants.consent.services import record_consent
from tenants.consent.vocabulary import ConsentEvent, Purpose, Use
from tenants.subjects.directory import resolve
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.consent.acts import ASKED, act, archive

E = ConsentEvent
TRAINING = Purpose.MODEL_TRAINING


def renew(business, version: str, **changed) -> Notice:
    """The next version of the notice that grants of these tests name."""
    told = {"version": version, "body": f"Version {version}: {sorted(changed)}.".encode()}
    return archive(business, **told, **changed)


def give(business, user: str, version: str = "1", event=E.GIVEN, **more) -> int:
    with business.scope:
        told = act(user, event, notice_version=version, **{"event_time": now(), **more})
        return record_consent(act=told, actor=business.actor).subject_id


def state(business, subject: int) -> tuple[str, str]:
    with business.scope:
        return ConsentState.objects.values_list("state", "code").get(
            subject_id=subject, purpose=TRAINING
        )


def used(business) -> set[int]:
    with business.scope:
        return set(consenting(Use.TRAINING).values_list("subject_id", flat=True))


CHANGES = [
    ({"purposes": [*ASKED, Purpose.MARKETING]}, True),
    ({"purposes": ASKED[1:]}, True),
    ({"pii_categories": ["purchases", "location"]}, True),
    ({"material_change": True}, True),
    ({}, False),
    ({"language": "de"}, False),
]


@pytest.mark.parametrize("changed, suspends", CHANGES)
def test_s08_what_a_new_notice_changes_suspends_and_other_words_do_not(alice, changed, suspends):
    """PIPL 14: purpose, method or category; the next question already gets no for an answer."""
    archive(alice)
    subject = give(alice, "u1")
    renew(alice, "2", **changed)
    assert used(alice) == (set() if suspends else {subject})
    run_waiting("default")
    assert used(alice) == (set() if suspends else {subject})
    assert state(alice, subject) == (("suspended", "notice_changed") if suspends else ("given", ""))


def test_s08_a_renewal_under_the_new_notice_brings_it_back_and_one_under_the_old_does_not(alice):
    archive(alice)
    subject = give(alice, "u1")
    renew(alice, "2", material_change=True)
    run_waiting("default")
    give(alice, "u1", version="1", event=E.RENEWED)
    assert state(alice, subject) == ("suspended", "notice_changed")
    give(alice, "u1", version="2", event=E.RENEWED)
    assert state(alice, subject) == ("given", "")
    assert used(alice) == {subject}


def test_s08_a_consent_that_is_learnt_later_is_suspended_as_well(alice):
    """Whatever comes first, the notice or the record: the state is the same."""
    archive(alice)
    renew(alice, "2", material_change=True)
    before = give(alice, "early", event_time=now() - timedelta(days=9))
    after = give(alice, "late")
    assert state(alice, before) == state(alice, after) == ("suspended", "notice_changed")


def test_s08_it_counts_from_the_moment_the_notice_takes_effect(alice, monkeypatch):
    archive(alice)
    subject = give(alice, "u1")
    moment = now() + timedelta(hours=1)
    renew(alice, "2", material_change=True, effective_at=moment)
    assert used(alice) == {subject}
    assert not WorkItem.objects.filter(kind="notice_change").exists()
    with alice.scope:
        small = timedelta(microseconds=1)
        assert consenting(Use.TRAINING, moment - small).exists()
        assert not consenting(Use.TRAINING, moment).exists()
        assert state_at(subject, TRAINING, moment - small).state == "given"
        assert state_at(subject, TRAINING, moment).code == "notice_changed"
    monkeypatch.setattr("tenants.consent.changing.now", lambda: moment)
    monkeypatch.setattr("tenants.consent.ledger.now", lambda: moment)
    look(alice.tenant.id)
    run_waiting("default")
    assert state(alice, subject) == ("suspended", "notice_changed")
    look(alice.tenant.id)
    assert WorkItem.objects.get(kind="notice_change").state == WorkItem.DONE


def test_s08_what_we_knew_before_the_notice_can_still_be_asked(alice):
    archive(alice)
    subject = give(alice, "u1")
    before = now()
    renew(alice, "2", material_change=True)
    with alice.scope:
        assert state_at(subject, TRAINING, now()).code == "notice_changed"
        assert state_at(subject, TRAINING, now(), known_at=before).state == "given"


def test_s08_a_suspended_person_is_neither_stored_nor_served(alice):
    archive(alice)
    subject = give(alice, "u1")
    renew(alice, "2", material_change=True)
    run_waiting("default")
    with alice.scope:
        assert storable([subject]) == set()
        assert why_not_storable([subject]) == {subject: "notice_changed"}


def test_many_are_suspended_in_batches_and_one_entry_says_how_many(alice, monkeypatch):
    monkeypatch.setattr("tenants.consent.changing.BATCH", 3)
    archive(alice)
    people = {give(alice, f"u{n}") for n in range(8)}
    with alice.scope:
        for purpose in ASKED:
            record_consent(
                act=act("u3", E.GIVEN, purpose=purpose, notice_version="1"), actor=alice.actor
            )
    notice = renew(alice, "2", material_change=True)
    assert used(alice) == set()
    run_waiting("default")
    with alice.scope:
        states = ConsentState.objects.values_list("state", flat=True)
        assert set(states) == {"suspended"} and len(states) == len(people) + 2
        (entry,) = AuditEntry.objects.filter(action="consent.suspended")
        assert entry.object_id == notice.public_id
        assert entry.detail.get().details["subjects"] >= len(people)


def test_a_notice_of_another_tenant_or_name_suspends_nobody(alice, bob):
    archive(alice)
    archive(bob)
    subject = give(alice, "u1")
    renew(bob, "2", material_change=True)
    renew(alice, "2", material_change=True, notice_id="another")
    run_waiting("default")
    assert used(alice) == {subject}
    with bob.scope:
        assert resolve(["u1"])["u1"] != subject
