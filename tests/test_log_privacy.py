"""What stands in the log says nothing about anybody: a whole story, walked line by line."""

import json
from io import BytesIO

import pytest
from django.test import Client

from tenants.accounts.models import Role
from tenants.audit.events import AuditEvent
from tenants.audit.models import AuditEntry
from tenants.audit.record import record
from tenants.audit.verify import verify_chain
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tenants.errors import AppError
from tenants.subjects.directory import audit_ref, find, resolve
from tenants.subjects.models import SubjectKey
from tenants.work.run import run_waiting
from tests import shop
from tests.business import PASSWORD
from tests.tenants.evidence.evidence import content_of, faults, make_evidence

# People as a careless business names them: every id is personal data by its form.
PEOPLE = [
    "anna.schmidt@example.com", "+8613812345678", "11010519491231002X", "4111111111111111",
    "bob@example.org", "13900139000",
]  # fmt: skip
ITEMS = ["item-00", "item-01"]


def sent(business, path: str, body: dict) -> None:
    reply = Client().post(
        path, json.dumps(body), content_type="application/json", headers=business.headers
    )
    assert reply.status_code < 300, reply.content


def uploaded(business, kind: str, content: str) -> None:
    file = BytesIO(content.encode())
    file.name = "anna.schmidt@example.com.csv"
    reply = Client().post("/v1/uploads", {"kind": kind, "file": file}, headers=business.headers)
    assert reply.status_code == 202, reply.content
    run_waiting("default")


@pytest.fixture
def story(alice):
    """Uploads, events, consents and their withdrawal, answers, looks at people, members, denials,
    keys, evidence."""
    with alice.scope:
        archive_notice(
            notice_id="privacy", version="1", language="en", body=shop.NOTICE,
            purposes=list(map(Purpose, shop.PURPOSES)), actor=alice.actor,
        )  # fmt: skip
    uploaded(alice, "items", "item_id,title\n" + "".join(f"{one},Thing\n" for one in ITEMS))
    uploaded(
        alice, "events",
        "user_id,item_id,type,occurred_at\n"
        + "".join(f"{one},{ITEMS[0]},view,2026-11-01T00:00:00Z\n" for one in PEOPLE)
        + "evil@example.com,,view,not a time\n",
    )  # fmt: skip
    for person in PEOPLE[:3]:
        act = {"user_id": person, "purpose": "analytics", "event": "withdrawn"}
        sent(alice, "/v1/consents", act)
    sent(alice, "/v1/events", {"user_id": PEOPLE[0], "item_id": ITEMS[0], "type": "view"})
    Client().get(f"/v1/recommendations?user_id={PEOPLE[1]}", headers=alice.headers)
    owner = alice.browser()
    owner.post("/try/", {"user_id": PEOPLE[0]})
    owner.post("/audit/", {"subject": PEOPLE[2]})
    owner.post("/members/invite/", {"email": "carol@example.net", "role": "analyst"})
    owner.post("/keys/new/", {"name": PEOPLE[4], "kind": "restricted", "scopes": ["events:read"]})
    alice.browser(Role.ANALYST).get("/keys/")
    Client().post("/accounts/login/", {"login": alice.owner.email, "password": "wrong"})
    Client().post("/accounts/login/", {"login": alice.owner.email, "password": PASSWORD})
    make_evidence(alice, subject=PEOPLE[0])
    return alice


def test_s34_no_line_of_an_export_names_anybody(story):
    """Acceptance statement 34, of what auditors take home."""
    content = content_of(make_evidence(story))
    for name in ("entries.jsonl", "entries.csv", "manifest.json"):
        text = content[name].decode()
        assert [one for one in PEOPLE if one in text] == [], name


def test_s33_after_the_key_is_gone_an_export_verifies_and_leads_to_nobody(story):
    """Acceptance statement 33 (GDPR 17; EDPB 02/2025)."""
    with story.scope:
        anna = find(PEOPLE[0])
        reference = audit_ref(anna.id)
        assert AuditEntry.objects.filter(subject_ref=reference).exists()
        SubjectKey.objects.filter(subject=anna).delete()
        assert audit_ref(anna.id) == ""
        with pytest.raises(AppError, match="Nobody is known"):
            make_evidence(story, subject=PEOPLE[0])
        assert verify_chain().ok
    assert faults(story, content_of(make_evidence(story))) == []


def test_s35_a_denial_stays_though_its_request_is_rolled_back(alice):
    """Acceptance statement 35 (ASVS 16.3.2): a refused act leaves its denial and nothing else."""
    with alice.scope:
        before = AuditEntry.objects.count()
    reply = alice.browser(Role.AUDITOR).post("/keys/new/", {"name": "x", "kind": "secret"})
    assert reply.status_code == 403
    with alice.scope:
        entries = list(AuditEntry.objects.order_by("seq"))[before:]
    assert [(entry.action, entry.outcome) for entry in entries][-1] == ("access.denied", "denied")
    assert "key.created" not in {entry.action for entry in entries}


def test_s35_a_change_that_fails_after_its_entry_leaves_neither(alice):
    """Acceptance statement 35: the entry stands in the transaction of the change."""
    with alice.scope:
        resolve(["u1"])
        before = AuditEntry.objects.count()
    with pytest.raises(ZeroDivisionError), alice.scope:
        resolve(["u2"])
        record(AuditEvent.SUBJECT_VIEWED, actor=alice.actor)
        1 / 0
    with alice.scope:
        assert AuditEntry.objects.count() == before
        assert find("u2") is None and find("u1") is not None
