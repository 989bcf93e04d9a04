"""What carrying out a request changes: in the very next answer, through the real API."""

import pytest
from django.test import Client

from recommend import popular
from tenants.audit.models import AuditEntry
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.vocabulary import Purpose
from tenants.departure import files
from tenants.erasure.models import Erasure
from tenants.erasure.queries import status_of
from tenants.rights.following import follow
from tenants.rights.models import SubjectExport
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import make_serving, stock
from tests.tenants.erasure.erasures import erase
from tests.tenants.rights.asking import get, refused, row, send, taken, verified

PEOPLE = range(12)


@pytest.fixture(scope="module")
def shopkeeper(made_once, artifact):
    return make_serving(PEOPLE, artifact)


def ask(business, user_id: str = shop.user(1), limit: int = 5):
    reply = Client().get(
        "/v1/recommendations", {"user_id": user_id, "limit": limit}, headers=business.headers
    )
    assert reply.status_code == 200, reply.content
    return reply.json()


def shown(answer) -> list[str]:
    return [line["item_id"] for line in answer["data"]]


def test_s15_after_off_the_very_next_answer_is_not_personal(shopkeeper):
    """Algorithm Provisions 17: one call, done at once, and what everybody gets is what they get."""
    before = ask(shopkeeper)
    assert before["personalised"] is True
    told = send(shopkeeper, status=201, user_id=shop.user(1), kind="opt_out")
    assert told["status"] == "done"
    after = ask(shopkeeper)
    assert (after["personalised"], after["code"]) == (False, "opted_out")
    assert after["purpose"] != "personalised_recommendation"
    assert shown(after) == shown(ask(shopkeeper, "nobody we know"))
    assert {line["reason"]["code"] for line in after["data"]} == {"popular_now"}
    assert ask(shopkeeper, shop.user(2))["personalised"] is True


def test_s15_no_cached_list_holds_what_somebody_chose(alice, settings):
    """Without a version the list comes from a cache of a minute: it is of everybody, counts of ten
    people and more, so that nothing of one person can linger in it."""
    stock(alice, range(shop.SUBJECTS), first_item=2 * shop.FIRST_ITEM)
    first = ask(alice)
    assert not first["personalised"] and first["data"]  # and now it is cached
    send(alice, status=201, user_id=shop.user(1), kind="opt_out")
    again = ask(alice)
    assert (again["personalised"], shown(again)) == (False, shown(first))
    assert min(line["score"] for line in again["data"]) >= popular.FEWEST_SUBJECTS


def test_an_opt_out_may_name_its_purposes(shopkeeper):
    send(shopkeeper, status=201, user_id=shop.user(1), kind="opt_out", purposes=["model_training"])
    assert ask(shopkeeper)["personalised"] is True
    with shopkeeper.scope:
        states = ConsentState.objects.filter(subject__rights_requests__isnull=False)
        assert {s.purpose for s in states if s.state == "opted_out"} == {"model_training"}
        record = ConsentRecord.objects.get(event="opted_out")
        assert record.withdrawal_method.startswith("rrq_")


def test_an_objection_counts_at_once_for_every_purpose(shopkeeper):
    """GDPR 21: profiling ends everywhere; what is popular is still answered."""
    told = send(shopkeeper, status=201, user_id=shop.user(1), kind="objection")
    assert told["status"] == "done"
    answer = ask(shopkeeper)
    assert (answer["personalised"], answer["code"]) == (False, "objected") and answer["data"]
    with shopkeeper.scope:
        states = ConsentState.objects.filter(
            subject_id=row(shopkeeper, told["id"]).subject_id, purpose__in=shop.PURPOSES
        )
        assert {state.state for state in states} == {"objected"}


def test_a_restriction_waits_for_the_tenant_and_then_stops_every_use(shopkeeper):
    """GDPR 18; PIPL 47."""
    request_id = taken(shopkeeper, "restriction", shop.user(1))
    assert get(shopkeeper, f"/{request_id}")["status"] == "in_progress"
    assert ask(shopkeeper)["personalised"] is True
    assert send(shopkeeper, f"/{request_id}/complete")["status"] == "done"
    assert ask(shopkeeper)["code"] == "restricted"
    with shopkeeper.scope:
        log = [entry.action for entry in AuditEntry.objects.order_by("-seq")[:2]]
    assert log == ["request.done", "consent.flag_set"]


def test_a_request_of_somebody_unknown_is_kept_for_when_they_come(shopkeeper):
    send(shopkeeper, status=201, user_id="not yet known", kind="opt_out")
    assert ask(shopkeeper, "not yet known")["code"] == "opted_out"


def test_an_erasure_begins_when_it_is_carried_out_and_ends_the_request_once_all_is_swept(
    shopkeeper,
):
    """GDPR 17; PIPL 47: the person is in no answer on the next request."""
    access = verified(shopkeeper, "access", shop.user(1))
    run_waiting("default")
    request_id = verified(
        shopkeeper, "erasure", shop.user(1), jurisdiction="CN",
        evidence={"kind": "document", "sha256": "ab" * 32, "reference": "drawer 3"},
    )  # fmt: skip
    assert follow(shopkeeper.tenant.id) == 0
    told = send(shopkeeper, f"/{request_id}/complete", answer="Everything of yours is gone.")
    assert (told["status"], told["erasure"][:4]) == ("in_progress", "ers_")
    assert ask(shopkeeper)["code"] == "unknown_user"
    refusal = send(
        shopkeeper, f"/{request_id}/refuse", 409, reason="legal_duty", answer="Too late."
    )
    assert refusal["error"]["code"] == "erasure_begun"
    run_waiting("default")
    assert [follow(shopkeeper.tenant.id), follow(shopkeeper.tenant.id)] == [1, 0]
    left = row(shopkeeper, request_id)
    assert (left.state, left.kind, left.law) == ("done", "erasure", "pipl")
    assert (left.evidence_reference, left.evidence_sha256, left.answer) == ("", None, "")
    with shopkeeper.scope:
        assert status_of(left.erasure_id).left == {}
        export = SubjectExport.objects.get()
    assert export.state == SubjectExport.EXPIRED
    assert not files.exists(shopkeeper.tenant.id, export.id)
    gone = Client().get(f"/v1/rights_requests/{access}/export", headers=shopkeeper.headers)
    assert gone.json()["error"]["code"] == "export_gone"


def test_nothing_is_written_on_a_request_whose_erasure_has_begun(shopkeeper):
    """What was said must not come back into rows that the erasure has cleared."""
    request_id = verified(shopkeeper, "erasure", shop.user(1))
    send(shopkeeper, f"/{request_id}/complete", answer="Gone.")
    said = "Dear Anna, you are gone."
    for act, more in {
        "complete": {}, "extend": {"reason": "complex"}, "refuse": {"reason": "legal_duty"},
    }.items():  # fmt: skip
        assert refused(shopkeeper, f"/{request_id}/{act}", answer=said, **more) == "erasure_begun"
    left = row(shopkeeper, request_id)
    assert (left.answer, left.state, left.extended_at) == ("", "in_progress", None)


def test_an_erasure_ends_what_else_the_person_has_asked_for(shopkeeper):
    """An access that nobody can answer any more would stay open for ever."""
    others = [
        verified(shopkeeper, "access", shop.user(1)),
        taken(shopkeeper, "restriction", shop.user(1)),
        taken(shopkeeper, "rectification", shop.user(1)),
    ]
    of_another = taken(shopkeeper, "access", shop.user(2))
    request_id = verified(shopkeeper, "erasure", shop.user(1))
    send(shopkeeper, f"/{request_id}/complete")
    run_waiting("default")
    for other in others:
        told = get(shopkeeper, f"/{other}")
        assert (told["status"], told["refusal"]) == ("refused", "person_erased")
        assert told["closed_at"]
    assert get(shopkeeper, f"/{of_another}")["status"] == "identity_needed"
    follow(shopkeeper.tenant.id)
    assert get(shopkeeper, f"/{request_id}")["status"] == "done"
    with shopkeeper.scope:
        entries = AuditEntry.objects.filter(action="request.refused", reason="person_erased")
        assert entries.count() == len(others)
        erasure = Erasure.objects.get()
    assert (erasure.before["open_requests"], erasure.after["open_requests"]) == (len(others) + 1, 0)


def test_a_request_for_the_erasure_that_has_happened_is_done(shopkeeper):
    """Where the erasure was asked for elsewhere."""
    request_id = verified(shopkeeper, "erasure", shop.user(1))
    erase(shopkeeper, shop.user(1))
    assert get(shopkeeper, f"/{request_id}")["status"] == "done"


def test_purposes_of_a_request_are_those_of_the_vocabulary(alice):
    error = send(alice, "", 400, user_id="u1", kind="opt_out", purposes=["fun"])["error"]
    assert error["param"].startswith("purposes")
    told = send(alice, status=201, user_id="u1", kind="opt_out", purposes=list(Purpose))
    assert told["purposes"] == sorted(Purpose)
    verified(alice, "access")
