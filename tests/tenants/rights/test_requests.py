"""A request's way from its coming to its end, through the API."""

from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.test import Client
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.errors import Conflict
from tenants.isolation.models import KnownTenant
from tenants.rights.following import alert, forget
from tenants.rights.models import KEPT_FOR, RequestStep, RightsRequest
from tenants.rights.opening import open_request
from tenants.subjects.directory import find, resolve
from tests.connections import in_threads, somebody_waits_for_us
from tests.tenants.rights.asking import get, refused, row, send, taken, verified


def actions(business, prefix: str = "request.") -> list[str]:
    with business.scope:
        entries = AuditEntry.objects.filter(action__startswith=prefix).order_by("seq")
        return list(entries.values_list("action", flat=True))


def test_s20_a_request_shows_its_due_date_and_how_many_days_are_left(alice):
    """GDPR 12(3), CCPA 7021: the day it came in, and the law of the person's place."""
    received = now() - timedelta(days=3)
    told = send(
        alice, status=201, user_id="u1", kind="access", jurisdiction="DE",
        received_at=received.isoformat(), evidence={"kind": "document", "sha256": "ab" * 32},
    )  # fmt: skip
    month = received.month % 12 + 1
    assert (told["status"], told["law"], told["overdue"]) == ("received", "gdpr", False)
    assert int(told["due_on"][5:7]) == month
    assert 24 <= told["days_left"] <= 28
    there = send(alice, status=201, user_id="u2", kind="access", jurisdiction="US-CA")
    assert there["days_left"] == 45 and there["acknowledge_by"]
    assert (there["status"], there["law"]) == ("identity_needed", "ccpa")
    here = send(alice, status=201, user_id="u3", kind="rectification")
    assert (here["jurisdiction"], here["law"]) == (alice.tenant.jurisdiction, "gdpr")
    assert row(alice, here["id"]).jurisdiction_derivation == "tenant_default"


def test_s20_an_overdue_request_alerts_once(alice, bob):
    """One entry in the log for each, however often the duty looks; and the list shows it."""
    late = taken(alice, "erasure", received_at=(now() - timedelta(days=60)).isoformat())
    taken(alice, "access")
    assert [alert(alice.tenant.id), alert(alice.tenant.id), alert(bob.tenant.id)] == [1, 0, 0]
    assert actions(alice).count("request.overdue") == 1
    found = get(alice, overdue=True)["data"]
    assert [(one["id"], one["overdue"]) for one in found] == [(late, True)]
    assert found[0]["days_left"] < 0
    assert len(get(alice, state="open")["data"]) == 2


def test_the_person_is_an_integer_and_the_log_holds_nothing_of_them(alice):
    request_id = taken(
        alice, "access", "very-own-id", evidence={"kind": "agent", "reference": "very-own-ref"}
    )
    with alice.scope:
        assert row(alice, request_id).subject_id == find("very-own-id").id
        entries = [entry.content() for entry in AuditEntry.objects.all()]
        entries += [entry.detail.get().details for entry in AuditEntry.objects.all()]
    assert "very-own" not in str(entries)
    assert "'kind': 'access'" in str(entries)


def test_nothing_is_done_before_the_requester_is_identified(alice):
    """GDPR 12(6)."""
    for kind in ("access", "portability", "rectification", "erasure"):
        request_id = taken(alice, kind)
        assert refused(alice, f"/{request_id}/complete", answer="x") == "identity_missing"
        assert refused(alice, f"/{request_id}/verify", 400) == "evidence_missing"
        told = send(alice, f"/{request_id}/verify", evidence={"kind": "in_person"})
        assert (told["status"], bool(told["verified_at"])) == ("in_progress", True)
        assert refused(alice, f"/{request_id}/verify") == "already_verified"
        assert row(alice, request_id).verified_by.startswith("key_")


def test_a_refusal_says_why_and_ends_the_request(alice):
    request_id = taken(alice, "erasure")
    assert refused(alice, f"/{request_id}/refuse", 400, reason="no", answer="No.")
    assert refused(alice, f"/{request_id}/refuse", 400, reason="legal_duty", answer=" ")
    told = send(alice, f"/{request_id}/refuse", reason="legal_duty", answer="We must keep it.")
    assert (told["status"], told["refusal"]) == ("refused", "legal_duty")
    assert told["answer"] == "We must keep it." and told["days_left"] is None
    assert refused(alice, f"/{request_id}/refuse", reason="legal_duty", answer="x") == (
        "request_ended"
    )
    with alice.scope:
        entry = AuditEntry.objects.get(action="request.refused")
        assert entry.reason == "legal_duty" and "We must" not in str(entry.content())


def test_more_time_is_taken_once_in_time_and_only_where_the_law_gives_it(alice):
    request_id = taken(alice, "access", jurisdiction="DE")
    before = row(alice, request_id).due_on
    more = {"reason": "complex", "answer": "Several systems."}
    told = send(alice, f"/{request_id}/extend", **more)
    assert told["due_on"] > before.isoformat() and told["days_left"] >= 85
    assert refused(alice, f"/{request_id}/extend", **more) == "already_extended"
    late = taken(alice, "access", "u2", received_at=(now() - timedelta(days=60)).isoformat())
    assert refused(alice, f"/{late}/extend", **more) == "extension_late"
    here = taken(alice, "access", "u3", jurisdiction="CN")
    assert refused(alice, f"/{here}/extend", **more) == "no_extension"


def test_receipt_is_confirmed_once(alice):
    request_id = taken(alice, "access", jurisdiction="US-CA")
    first = send(alice, f"/{request_id}/acknowledge")["acknowledged_at"]
    assert first and send(alice, f"/{request_id}/acknowledge")["acknowledged_at"] == first
    assert actions(alice).count("request.acknowledged") == 1


def test_one_request_of_a_kind_is_open_for_a_person_at_a_time(alice):
    taken(alice, "access")
    assert refused(alice, user_id="u1", kind="access") == "request_open"
    taken(alice, "access", "u2")


def test_of_two_that_come_at_once_one_is_taken_in(committed):
    alice, taken_in = committed("Alice"), Event()
    with alice.scope:
        resolve(["u1"])

    def first() -> str:
        with alice.scope:
            open_request(user_id="u1", kind="access", actor=alice.actor)
            taken_in.set()
            return "waited for" if somebody_waits_for_us(5) else "overtaken"

    def second() -> str:
        assert taken_in.wait(20)
        with pytest.raises(Conflict) as refused, alice.scope:
            open_request(user_id="u1", kind="access", actor=alice.actor)
        return refused.value.code

    assert in_threads([first, second]) == ["waited for", "request_open"]
    with alice.scope:
        assert RightsRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"kind": "accesss"}, "kind"),
        ({"kind": "access", "jurisdiction": "Germany"}, "jurisdiction"),
        ({"kind": "access", "evidence": {"kind": "face"}}, "evidence.kind"),
        ({"kind": "access", "received_at": "2999-01-01T00:00:00Z"}, "received_at"),
        ({"kind": "access", "document": "passport.pdf"}, "document"),
    ],
)
def test_a_faulty_request_changes_nothing(alice, body, param):
    error = send(alice, "", 400, user_id="u1", **body)["error"]
    assert error["param"] == param
    with alice.scope:
        assert not RightsRequest.objects.exists() and find("u1") is None


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31"])
def test_a_request_of_long_ago_is_refused_with_what_to_do(alice, day):
    """The beginning of the calendar is no day at all west of Greenwich."""
    with alice.scope:
        type(alice.tenant).objects.update(timezone="America/New_York")
    told = {"user_id": "u1", "kind": "access", "received_at": f"{day}T00:00:00Z"}
    error = send(alice, "", 400, **told)["error"]
    assert (error["code"], error["param"]) == ("received_long_ago", "received_at")
    assert "Send the day" in error["message"]
    with alice.scope:
        assert not RightsRequest.objects.exists() and find("u1") is None


def test_a_write_that_is_sent_twice_happens_once(alice):
    twice = [
        Client().post(
            "/v1/rights_requests", {"user_id": "u1", "kind": "access"},
            content_type="application/json",
            headers={**alice.headers, "Idempotency-Key": "one"},
        ).json()
        for _ in range(2)
    ]  # fmt: skip
    assert twice[0] == twice[1]
    assert len(get(alice)["data"]) == 1


def test_the_list_goes_by_cursor_and_state(alice, bob):
    ids = [taken(alice, "access", f"u{n}") for n in range(3)]
    taken(bob, "access")
    first = get(alice, limit=2)
    assert [one["id"] for one in first["data"]] == ids[:0:-1] and first["has_more"]
    rest = get(alice, limit=2, after=first["data"][-1]["id"])
    assert [one["id"] for one in rest["data"]] == ids[:1]
    send(alice, f"/{ids[0]}/refuse", reason="not_covered", answer="No.")
    assert [one["id"] for one in get(alice, state="refused")["data"]] == ids[:1]
    assert get(alice, kind="erasure")["data"] == []


def test_a_rectification_says_what_was_corrected(alice):
    request_id = verified(alice, "rectification")
    assert refused(alice, f"/{request_id}/complete", 400) == "answer_missing"
    told = send(alice, f"/{request_id}/complete", answer="The price of your order.")
    assert (told["status"], told["answer"]) == ("done", "The price of your order.")


def test_requests_are_forgotten_two_years_after_their_end(alice):
    """11 CCR 7101(a)."""
    old, young, still = (taken(alice, "access", f"u{n}") for n in range(3))
    for request_id in (old, young):
        send(alice, f"/{request_id}/refuse", reason="not_covered", answer="No.")
    with alice.scope:
        RightsRequest.objects.filter(id=row(alice, old).id).update(
            closed_at=now() - KEPT_FOR - timedelta(hours=1)
        )
    assert [forget(alice.tenant.id), forget(alice.tenant.id)] == [1, 0]
    assert {one["id"] for one in get(alice)["data"]} == {young, still}
    with alice.scope:
        assert RequestStep.objects.values("request_id").distinct().count() == 2
    assert actions(alice)[-1] == "request.forgotten"


def test_the_history_of_a_request_names_each_step_and_who_took_it(alice):
    request_id = verified(alice, "rectification")
    send(alice, f"/{request_id}/complete", answer="Corrected.")
    with alice.scope:
        steps = list(RequestStep.objects.order_by("id").values_list("code", "actor_ref"))
    assert [code for code, _ in steps] == ["opened", "verified", "done"]
    assert {by.partition("_")[0] for _, by in steps} == {"key"}
    assert actions(alice) == ["request.opened", "request.verified", "request.done"]


def test_a_tenant_sees_no_others_requests(alice, bob):
    request_id = taken(alice, "access")
    reply = Client().get(f"/v1/rights_requests/{request_id}", headers=bob.headers)
    assert reply.status_code == 404
    assert KnownTenant.objects.count() >= 2 and get(bob)["data"] == []
    with bob.scope:
        assert resolve(["u1"])


def test_days_are_counted_in_the_tenants_own_calendar(alice):
    with alice.scope:
        type(alice.tenant).objects.update(timezone="Pacific/Auckland")
    moment = datetime(2026, 3, 31, 20, tzinfo=UTC)  # the first of April there
    told = send(alice, status=201, user_id="u1", kind="access", received_at=moment.isoformat())
    assert told["due_on"] == "2026-05-01"
