"""A no that is heard again and again: few records, and no late yes between two of them."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.consent.models import ConsentRecord, ConsentSignal, ConsentState
from tenants.consent.queries import state_at
from tenants.consent.services import record_consent, set_flag
from tenants.consent.signals import honour_gpc, record_signal
from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, Purpose
from tenants.subjects.directory import resolve
from tests.tenants.behaviour.streams import event
from tests.tenants.consent.acts import act, archive
from tests.tenants.consent.test_signals import GOOGLE, browse, map_onto, send, states

E = ConsentEvent
HOUR = timedelta(hours=1)
NO = {"ad_user_data": "DENIED"}
YES = {"ad_user_data": "GRANTED"}


@pytest.fixture
def mapped(alice):
    """Google's first answer speaks of marketing."""
    notice = archive(alice, purposes=list(Purpose))
    map_onto(alice, "google", ("ad_user_data", Purpose.MARKETING), notice=notice)
    return alice


def hear(business, value, at, user="u1"):
    with business.scope:
        person = resolve([user])[user]
        return record_signal(
            subject_id=person, kind="google", value=value, at=at, actor=business.actor
        ).records


def tell(business, event, at, **more):
    with business.scope:
        told = act("u1", event, purpose=Purpose.MARKETING, event_time=at, **more)
        return record_consent(act=told, actor=business.actor)


def test_s02_a_repeated_no_is_not_undone_by_a_yes_from_before_it_that_comes_late(mapped):
    """The last word was no, in whatever order the three arrive (GDPR 7(3))."""
    begin = now() - 3 * HOUR
    assert len(hear(mapped, NO, begin)) == 1
    assert hear(mapped, NO, begin + 2 * HOUR) == ()
    tell(mapped, E.GIVEN, begin + HOUR)
    assert states(mapped) == {"marketing": "refused"}
    with mapped.scope:
        assert AuditEntry.objects.filter(action="consent.recorded").count() == 3
        assert list(ConsentState.objects.values_list("repeated_at", "repeated_by")) == [(None, "")]
    tell(mapped, E.GIVEN, begin + 2.5 * HOUR)
    assert states(mapped) == {"marketing": "given"}


def test_s04_a_no_that_is_told_late_counts_from_when_it_was_said(mapped):
    """Between it and the no that is known, the yes was none (PIPL 15)."""
    begin = now() - 4 * HOUR
    tell(mapped, E.GIVEN, begin)
    assert len(hear(mapped, NO, begin + 3 * HOUR)) == 1
    assert len(hear(mapped, NO, begin + HOUR)) == 1
    assert hear(mapped, NO, begin + HOUR) == hear(mapped, NO, begin + 2 * HOUR) == ()
    with mapped.scope:
        person = resolve(["u1"])["u1"]
        assert state_at(person, Purpose.MARKETING, begin + 2 * HOUR).state == "refused"


def test_s14_neither_is_what_a_browser_repeats(alice):
    """11 CCR 7025(c)(1)."""
    archive(alice, purposes=list(Purpose))
    with alice.scope:
        resolve(["u1"])
        assert honour_gpc(user_ids=["u1"], actor=alice.actor) == 2
        between = now()
        assert honour_gpc(user_ids=["u1"], actor=alice.actor) == 0
    tell(alice, E.GIVEN, between)
    assert states(alice)["marketing"] == "opted_out"
    with alice.scope:
        again = ConsentRecord.objects.filter(purpose="marketing").order_by("event_time").last()
        assert (again.event, again.collection_method) == ("opted_out", "gpc_header")
        assert again.evidence == {"kind": "gpc", "value": "Sec-GPC: 1"}


def test_a_no_from_hearsay_does_not_swallow_one_that_was_said_first_hand(mapped):
    """Else a later import without proof would grant."""
    begin = now() - 4 * HOUR
    tell(mapped, E.WITHDRAWN, begin, collection_method=CollectionMethod.IMPORT)
    assert len(hear(mapped, NO, begin + HOUR)) == 1
    tell(mapped, E.GIVEN, begin + 2 * HOUR, collection_method=CollectionMethod.IMPORT)
    assert states(mapped) == {"marketing": "conflict"}


@pytest.mark.parametrize("kind", ["restriction", "objection"])
@pytest.mark.parametrize("value", [NO, YES])
def test_a_flag_does_not_make_every_page_a_record(mapped, kind, value):
    """A public key could fill the ledger and the log of whoever is flagged."""
    with mapped.scope:
        person = resolve(["u1"])["u1"]
        set_flag(subject_id=person, kind=kind, purposes=None, actor=mapped.actor, reason="")
    first = now() - HOUR
    assert [len(hear(mapped, value, first + n * HOUR / 4)) for n in range(4)] == [1, 0, 0, 0]
    with mapped.scope:
        if value == NO:  # the no by a signal stands for marketing
            assert honour_gpc(user_ids=["u1"], actor=mapped.actor) == 1
            assert honour_gpc(user_ids=["u1"], actor=mapped.actor) == 0


def test_a_yes_that_has_run_out_can_be_said_again(mapped):
    """The stored word is `given` still: what has ended is asked of the time."""
    tell(mapped, E.GIVEN, now() - 3 * HOUR, expires_at=now() - HOUR)
    assert states(mapped) == {"marketing": "given"}
    assert len(hear(mapped, YES, now() - HOUR / 2)) == 1
    assert hear(mapped, YES, now() - HOUR / 4) == ()


def test_s14_a_signal_for_many_is_one_fold_and_an_entry_each(alice):
    with alice.scope:
        resolve(["a", "b", "c"])
        assert honour_gpc(user_ids=["a", "b", "c", "nobody"], actor=alice.actor) == 6
        assert AuditEntry.objects.filter(action="consent.recorded").count() == 6


def test_s14_an_id_is_trimmed_for_the_signal_as_for_the_event(alice):
    with alice.scope:
        resolve(["13085"])
    assert browse(alice, "1", body=event(user_id=" 13085 ")).json()["gpc"] == "honoured"
    assert set(states(alice)) == {"marketing", "third_party_share"}


def test_s14_with_a_foreign_signal_the_browsers_no_wins(mapped):
    body = {"user_id": "u1", "kind": "google", "value": GOOGLE}
    reply = browse(mapped, "1", "/v1/consents/signals", body)
    assert reply.json()["gpc"] == "honoured"
    assert states(mapped)["marketing"] == "opted_out"
    assert browse(mapped, None, "/v1/consents/signals", body).json()["gpc"] is None


def test_s14_a_clock_that_is_ahead_does_not_outrun_the_browsers_no(mapped):
    ahead = (now() + HOUR / 20).isoformat()
    body = {"user_id": "u1", "kind": "google", "value": YES, "event_time": ahead}
    assert len(browse(mapped, "1", "/v1/consents/signals", body).json()["records"]) == 1
    assert states(mapped)["marketing"] == "opted_out"


@pytest.mark.parametrize("bad", ["\x00", "\ud800", "\x1f"])
def test_a_value_that_is_no_text_is_refused(alice, bad):
    for kind, value in (
        ("tcf", bad),
        ("segment", {"categoryPreferences": {bad: True}}),
        ("google", {"ad_user_data": bad}),
    ):
        assert send(alice, kind, value, status=400)["error"]["param"] == "value"
    assert send(alice, "google", NO, user=f"u{bad}1", status=400)["error"]["param"] == "user_id"
    assert send(alice, f"google{bad}", NO, status=400)["error"]["param"] == "kind"
    with alice.scope:
        assert not ConsentSignal.objects.exists()


def test_a_signal_from_the_future_is_refused_also_when_it_says_no(mapped):
    body = {"user_id": "u1", "kind": "google", "value": NO}
    late = {**body, "event_time": (now() + HOUR).isoformat()}
    reply = browse(mapped, None, "/v1/consents/signals", late)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "bad_time")
    assert states(mapped) == {}
