"""The pages of rights requests: the inbox by due date, and one request on its way to its end."""

import re
from datetime import timedelta

import pytest
from django.utils.html import escape
from django.utils.timezone import localdate, now

from dashboard.wording import rights as words
from tenants.accounts.models import Role
from tenants.audit.models import AuditEntry
from tenants.ids import parse_id
from tenants.rights import kinds
from tenants.rights.models import RequestStep, RightsRequest
from tenants.work.run import run_waiting
from tests.tenants.rights.asking import taken


def take_in(business, **given):
    form = {"user_id": "u1", "kind": "access", "place": "DE", **given}
    return business.browser().post("/rights/new/", form, follow=True)


def latest(business) -> RightsRequest:
    with business.scope:
        return RightsRequest.objects.order_by("-id").first()


def act(business, request: RightsRequest, name: str, **given):
    given = {f"{name}-{field}": value for field, value in given.items()}
    address = f"/rights/{request.public_id}/act/"
    return business.browser().post(address, {"act": name, **given}, follow=True)


def test_an_empty_inbox_says_what_to_do(alice):
    page = alice.browser().get("/rights/").content.decode()
    assert "Nobody has asked yet" in page and "write it down here" in page


def test_s20_the_inbox_runs_by_due_date_and_shows_what_is_overdue(alice):
    """GDPR 12(3); CCPA 7021: days left in words; the overdue one on top, and on the overview."""
    taken(alice, "access", "u1", jurisdiction="US-CA")
    taken(alice, "erasure", "u2", jurisdiction="DE")
    late = taken(alice, "access", "u3", received_at=(now() - timedelta(days=60)).isoformat())
    page = alice.browser().get("/rights/").content.decode()
    order = re.findall(r"/rights/(rrq_\w+)/", page)
    assert len(order) == 3 and order[0] == late
    assert "1 request is overdue" in page and "days ago" in page and "in 45 days" in page
    assert "is overdue" in alice.browser().get("/").content.decode()
    assert "is overdue" not in alice.browser(Role.ANALYST).get("/").content.decode()


def test_a_request_is_answered_step_by_step(alice):
    reply = take_in(alice, evidence="document", reference="drawer 3")
    request = latest(alice)
    assert reply.redirect_chain == [(f"/rights/{request.public_id}/", 302)]
    page = reply.content.decode()
    assert "It is them" in page and "drawer 3" in page and "GDPR" in page
    assert "Done, and told" not in page
    act(alice, request, "verify")
    run_waiting("default")
    page = act(alice, request, "complete", answer="Attached.").content.decode()
    assert "Attached." in page and "What comes next" not in page
    zipped = alice.browser().get(f"/rights/{request.public_id}/export/")
    assert b"".join(zipped.streaming_content)[:2] == b"PK"
    assert zipped["Cache-Control"] == "no-store"
    assert latest(alice).state == kinds.DONE


def test_a_look_at_a_person_is_recorded(alice):
    request_id = taken(alice, "access")
    alice.browser().get(f"/rights/{request_id}/")
    with alice.scope:
        entry = AuditEntry.objects.order_by("-seq").first()
        assert entry.detail.get().details == {"page": "rights"}
    assert (entry.action, bool(entry.subject_ref)) == ("subject.viewed", True)


def test_switching_off_is_done_when_it_is_taken_in(alice):
    reply = take_in(alice, kind="opt_out")
    assert latest(alice).state == kinds.DONE
    page = reply.content.decode()
    assert "It counts from the next answer on." in page and "What comes next" not in page


def test_refusals_come_back_where_they_were_asked_for(alice):
    request = RightsRequest.objects
    with alice.scope:
        request_id = parse_id("rights request", taken(alice, "access"))
        request = RightsRequest.objects.get(pk=request_id)
    assert "Say how the person showed" in act(alice, request, "verify").content.decode()
    bare = act(alice, request, "refuse", code="legal_duty")
    assert bare.status_code == 422 and "required" in bare.content.decode()
    act(alice, request, "refuse", code="legal_duty", answer="We must keep it.")
    again = act(alice, request, "refuse", code="legal_duty", answer="Twice.")
    assert "This request has ended" in again.content.decode()
    assert latest(alice).answer == "We must keep it."
    assert act(alice, request, "nonsense").status_code == 404


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"user_id": ""}, "required"),
        ({"kind": "telepathy"}, "valid choice"),
        ({"received_on": (localdate() + timedelta(days=9)).isoformat()}, "later than now"),
        ({"received_on": "0001-01-01"}, "more than two years ago"),
    ],
)
def test_a_faulty_request_changes_nothing(alice, given, says):
    reply = take_in(alice, **given)
    assert reply.status_code == 422 and says in reply.content.decode()
    assert latest(alice) is None


def test_every_word_of_a_request_is_said(alice):
    assert set(words.KINDS) == set(kinds.KINDS)
    assert set(words.STATES) == set(kinds.STATES)
    assert set(words.EVIDENCE) == set(kinds.EVIDENCE)
    assert set(words.REFUSALS) == set(kinds.REFUSALS)
    assert set(words.EXTENSIONS) == set(kinds.EXTENSIONS)
    for kind in kinds.KINDS:
        take_in(alice, kind=kind, user_id=kind, evidence="in_person")
        page = alice.browser().get(f"/rights/{latest(alice).public_id}/")
        assert page.status_code == 200 and str(escape(words.KINDS[kind])) in page.content.decode()
    with alice.scope:
        assert set(RequestStep.objects.values_list("code", flat=True)) <= set(words.STEPS)


def test_more_time_and_the_receipt_on_the_page(alice):
    take_in(alice, place="US-CA")
    request = latest(alice)
    page = act(alice, request, "extend", code="complex", answer="Several systems.").content.decode()
    assert "Extended" in page and "Several systems." in page
    assert "More time…" not in page and "Confirm receipt by" in page
    act(alice, request, "acknowledge")
    assert latest(alice).acknowledged_at is not None
