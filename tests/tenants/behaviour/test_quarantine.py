"""Rows without consent: held sealed, freed by consent alone, deleted after their time."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.accounts.life import resume_tenant, suspend_tenant
from tenants.audit.actor import system
from tenants.audit.models import AuditEntry
from tenants.behaviour.landing import release
from tenants.behaviour.landing.quarantine import KEPT_FOR, expire
from tenants.behaviour.models import Event, QuarantinedRow
from tenants.consent.models import ConsentState
from tenants.consent.vocabulary import ConsentEvent
from tenants.subjects.directory import external_id_of, find
from tenants.work.models import WorkItem
from tenants.work.run import run_waiting
from tests.tenants.behaviour.uploads import agree, events, outcomes, process, tell
from tests.tenants.consent.acts import archive


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


@pytest.fixture
def held(alice):
    """Three rows of u1 and one of u2, none of whom has said anything."""
    archive(alice)
    process(
        alice,
        events(("u1", "i1", "01"), ("u1", "i2", "02"), ("u2", "i1", "03"), ("u1", "i1", "04")),
    )
    return alice


def stored(business) -> list[str]:
    with business.scope:
        return [external_id_of(event.subject) for event in Event.objects.order_by("occurred_at")]


def waiting(business) -> int:
    with business.scope:
        return QuarantinedRow.objects.count()


def released(business) -> list[int]:
    with business.scope:
        entries = AuditEntry.objects.filter(action="quarantine.released").order_by("seq")
        return [entry.detail.get().details["count"] for entry in entries]


def test_a_row_without_consent_is_sealed_under_the_persons_own_key(held):
    """Acceptance statement 13."""
    assert stored(held) == []
    with held.scope:
        rows = list(QuarantinedRow.objects.order_by("row_no"))
        assert [(row.code, row.row_no) for row in rows] == [("no_record", n) for n in (1, 2, 3, 4)]
        assert all(b"2026" not in bytes(row.sealed) for row in rows)
        assert rows[0].sealed != rows[3].sealed
        assert all(abs(row.expires_at - now() - KEPT_FOR) < timedelta(minutes=5) for row in rows)


def test_a_consent_frees_the_persons_rows_and_no_others(held):
    tell(held, ConsentEvent.GIVEN, ["u1"])
    run_waiting("default")
    assert stored(held) == ["u1", "u1", "u1"]
    assert waiting(held) == 1
    assert released(held) == [3]
    with held.scope:
        event = Event.objects.order_by("occurred_at").first()
        assert event.occurred_at.isoformat() == "2026-03-01T10:00:00+00:00"
        assert (event.item.external_id, event.type) == ("i1", 1)


def test_a_refusal_frees_nothing(held):
    tell(held, ConsentEvent.REFUSED, ["u1"])
    run_waiting("default")
    assert (stored(held), waiting(held), released(held)) == ([], 4, [])


def test_a_consent_taken_back_before_the_worker_came_frees_nothing(held):
    tell(held, ConsentEvent.GIVEN, ["u1", "u2"], days=1)
    tell(held, ConsentEvent.WITHDRAWN, ["u1"], days=2)
    run_waiting("default")
    assert stored(held) == ["u2"]
    assert waiting(held) == 3


def test_all_is_freed_in_batches(held, monkeypatch):
    monkeypatch.setattr(release, "BATCH", 2)
    tell(held, ConsentEvent.GIVEN, ["u1", "u2"])
    run_waiting("default")
    assert stored(held) == ["u1", "u1", "u2", "u1"]
    assert released(held) == [2, 2]
    assert set(WorkItem.objects.filter(kind="release").values_list("state", flat=True)) == {"done"}


def test_a_tenant_that_is_suspended_between_two_batches_frees_the_rest_later(held, monkeypatch):
    operator, free, sizes = system("operator"), release._release_batch, []

    def suspends(lease):
        sizes.append(free(lease))
        if len(sizes) == 1:
            suspend_tenant(tenant_id=held.tenant.id, reason="Unpaid.", actor=operator)
        return sizes[-1]

    monkeypatch.setattr(release, "BATCH", 2)
    monkeypatch.setattr(release, "_release_batch", suspends)
    tell(held, ConsentEvent.GIVEN, ["u1", "u2"])
    run_waiting("default")
    assert (sizes, waiting(held)) == ([2], 2)
    item = WorkItem.objects.get(kind="release")
    assert (item.state, item.attempts, item.run_at > now()) == (WorkItem.WAITING, 0, True)
    resume_tenant(tenant_id=held.tenant.id, actor=operator)
    WorkItem.objects.filter(pk=item.pk).update(run_at=item.created_at)
    run_waiting("default")
    assert (released(held), waiting(held)) == ([2, 2], 0)


def test_rows_of_somebody_who_withdrew_do_not_stand_in_the_way_of_others(held, monkeypatch):
    """However many of them come first."""
    monkeypatch.setattr(release, "BATCH", 1)
    tell(held, ConsentEvent.REFUSED, ["u1"])
    tell(held, ConsentEvent.GIVEN, ["u2"])
    run_waiting("default")
    assert stored(held) == ["u2"]


def test_a_row_that_was_stored_meanwhile_is_not_stored_twice(held):
    agree(held, "u2")
    process(held, events(("u2", "i1", "03")))
    run_waiting("default")
    assert stored(held) == ["u2"]
    assert waiting(held) == 3


def test_a_held_row_that_comes_again_is_held_once(held):
    again = process(held, events(("u1", "i1", "01"), ("u1", "i9", "09")))
    assert outcomes(again) == {
        ("duplicate", "already_stored"): (1, [1]),
        ("quarantined", "no_record"): (1, [2]),
    }
    assert waiting(held) == 5


def test_the_reason_is_the_persons_own(alice):
    archive(alice)
    for event, user in (
        (ConsentEvent.REFUSED, "u1"),
        (ConsentEvent.WITHDRAWN, "u2"),
        (ConsentEvent.OPTED_OUT, "u3"),
        (ConsentEvent.REQUESTED, "u4"),
    ):
        tell(alice, event, [user])
    upload = process(alice, events(*((f"u{n}", "i1", "01") for n in (1, 2, 3, 4, 5))))
    assert outcomes(upload) == {
        ("quarantined", "refused"): (1, [1]),
        ("quarantined", "withdrawn"): (1, [2]),
        ("quarantined", "opted_out"): (1, [3]),
        ("quarantined", "purpose_missing"): (1, [4]),
        ("quarantined", "no_record"): (1, [5]),
    }


def test_a_consent_that_begins_later_is_found_by_the_duty(held):
    """A sender's clock runs ahead: when the grant comes, it does not count yet."""
    tell(held, ConsentEvent.GIVEN, ["u1"])
    with held.scope:
        ConsentState.objects.update(valid_from=now() + timedelta(minutes=3))
    run_waiting("default")
    release.look(held.tenant.id)
    assert run_waiting("default") == 0
    assert stored(held) == []
    with held.scope:
        ConsentState.objects.update(valid_from=now())
    release.look(held.tenant.id)
    run_waiting("default")
    assert stored(held) == ["u1", "u1", "u1"]


def test_held_rows_are_deleted_at_the_end_of_their_time(held, bob):
    with held.scope:
        QuarantinedRow.objects.filter(row_no__lte=3).update(expires_at=now())
    assert expire(bob.tenant.id) == 0
    assert expire(held.tenant.id) == 3
    assert expire(held.tenant.id) == 0
    assert waiting(held) == 1
    with held.scope:
        (entry,) = AuditEntry.objects.filter(action="quarantine.expired")
        assert entry.detail.get().details == {"count": 3}
    tell(held, ConsentEvent.GIVEN, ["u1"])
    run_waiting("default")
    assert stored(held) == ["u1"]


def test_a_person_who_was_erased_begins_anew(held):
    """Acceptance statement 23: nothing of theirs is stored until they consent afresh."""
    from django.conf import settings
    from django.utils.module_loading import import_string

    tell(held, ConsentEvent.GIVEN, ["u1"])
    run_waiting("default")
    with held.scope:
        before = find("u1").id
        for dotted in settings.SUBJECT_STORES:
            import_string(dotted)().erase(before)
    upload = process(held, events(("u1", "i1", "01"), ("u1", "i1", "11")))
    assert outcomes(upload) == {("quarantined", "no_record"): (2, [1, 2])}
    assert stored(held) == []
    with held.scope:
        assert find("u1").id != before
    tell(held, ConsentEvent.GIVEN, ["u1"], days=3)
    run_waiting("default")
    assert stored(held) == ["u1", "u1"]
