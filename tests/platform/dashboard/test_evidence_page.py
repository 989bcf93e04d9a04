"""The auditor's two pages: the log with its filters, and exports."""

import json

import pytest

from tenants.accounts.models import Role
from tenants.audit.checkpoints import make_checkpoint
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditEntry, CheckpointPlace
from tenants.audit.record import record
from tenants.audit.signing import public_key
from tenants.evidence.models import EvidenceExport
from tenants.subjects.directory import audit_ref, resolve
from tenants.work.run import run_waiting


def html(reply) -> str:
    assert reply.status_code in (200, 422), reply.status_code
    return reply.content.decode()


def test_an_auditor_asks_for_an_export_and_downloads_it(alice):
    auditor = alice.browser(Role.AUDITOR)
    assert "No export yet" in html(auditor.get("/exports/"))
    assert auditor.post("/exports/make/", {"kind": "audit"}).status_code == 302
    assert "Waiting for its turn" in html(auditor.get("/exports/", headers={"HX-Request": "true"}))
    run_waiting("default")
    page = html(auditor.get("/exports/"))
    assert public_key(alice.tenant.id).hex() in page
    with alice.scope:
        export = EvidenceExport.objects.get()
    reply = auditor.get(f"/exports/{export.public_id}/")
    assert len(b"".join(reply.streaming_content)) == export.bytes


def test_a_filter_that_cannot_be_is_told_beside_its_field(alice):
    order = {"kind": "audit", "subject": "nobody"}
    reply = alice.browser(Role.AUDITOR).post("/exports/make/", order)
    assert reply.status_code == 422
    assert "Nobody is known by this id" in html(reply)


def test_the_newest_checkpoint_is_downloaded(alice):
    auditor = alice.browser(Role.AUDITOR)
    assert auditor.get("/exports/checkpoint/").status_code == 409
    with alice.scope:
        made = make_checkpoint(at_once=True)
    reply = auditor.get("/exports/checkpoint/")
    assert json.loads(reply.content)["checkpoint"]["size"] == made.size


def test_only_who_manages_the_tenant_chooses_a_place(alice, settings, tmp_path):
    settings.CHECKPOINT_PLACES = {"vault": str(tmp_path)}
    body = {"place-place": "vault"}
    assert alice.browser(Role.AUDITOR).post("/exports/place/", body).status_code == 403
    assert "place-place" not in html(alice.browser(Role.AUDITOR).get("/exports/"))
    assert "place-place" in html(alice.browser().get("/exports/"))
    alice.browser().post("/exports/place/", body)
    with alice.scope:
        assert CheckpointPlace.objects.get().name == "vault"
    assert "Copies go to vault" in html(alice.browser(Role.AUDITOR).get("/exports/"))


@pytest.fixture
def told(alice):
    with alice.scope:
        reference = audit_ref(resolve(["user-17"])["user-17"])
        record(AuditEvent.SUBJECT_VIEWED, actor=alice.actor, subject_ref=reference)
    return reference


def test_the_log_is_filtered_by_person_and_by_actor(alice, told):
    page = alice.browser(Role.AUDITOR)
    # Alice herself also made the auditor a member.
    for query, rows in {f"subject={told}": 1, f"actor={alice.member}": 2}.items():
        shown = html(page.get(f"/audit/?{query}"))
        assert shown.count('<th scope="row">') == rows, query
        assert "user-17" not in shown


def test_a_persons_id_filters_the_log_by_their_pseudonym_and_the_look_is_recorded(alice, told):
    """The id stands in no address; asking for it is a look at the person."""
    page = alice.browser(Role.AUDITOR)
    asked = page.post("/audit/", {"subject": "user-17", "outcome": "success", "actor": ""})
    assert asked["Location"] == f"/audit/?outcome=success&subject={told}"
    shown = html(page.get(asked["Location"]))
    assert shown.count('<th scope="row">') == 2 and "user-17" not in shown
    with alice.scope:
        look = AuditEntry.objects.filter(action="subject.viewed").latest("seq")
        assert (look.subject_ref, look.detail.get().details) == (told, {"page": "audit"})
        looks = AuditEntry.objects.filter(action="subject.viewed").count()
    nobody = page.post("/audit/", {"subject": "nobody"})
    assert nobody.status_code == 422 and "Nobody is known by this id" in html(nobody)
    assert "Nobody is known by this id" in html(page.get("/audit/?subject=user-17"))
    assert page.post("/audit/", {"subject": told})["Location"] == f"/audit/?subject={told}"
    with alice.scope:
        assert AuditEntry.objects.filter(action="subject.viewed").count() == looks


def test_the_page_says_when_the_log_was_verified_last(alice):
    auditor = alice.browser(Role.AUDITOR)
    assert "Nobody has verified the log yet" in html(auditor.get("/audit/"))
    auditor.post("/audit/verify/")
    assert "the log was whole" in html(auditor.get("/audit/"))
    with alice.scope:
        assert AuditEntry.objects.order_by("-seq").first().action == "log.verified"
