"""`POST /v1/consents`, end to end: the record, the state, the log, and every refusal."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.consent.models import ConsentRecord, ConsentState
from tenants.consent.vocabulary import Purpose
from tenants.subjects.directory import audit_ref
from tenants.subjects.models import Subject
from tenants.work.models import WorkItem
from tests.tenants.consent.acts import NAMED, archive, grant, post


@pytest.fixture(autouse=True)
def notice(alice):
    return archive(alice)


def held(business) -> tuple[int, int, int]:
    """Records, states and log entries of the tenant."""
    with business.scope:
        return (
            ConsentRecord.objects.count(),
            ConsentState.objects.count(),
            AuditEntry.objects.count(),
        )


def test_a_grant_is_recorded_and_counts(alice):
    end = now() + timedelta(days=365)
    body = grant(
        alice,
        event_time="2026-02-01T10:00:00+01:00",
        expires_at=end.isoformat(),
        collection_method="web_form",
        jurisdiction="FR",
        evidence={"kind": "form", "uri": "https://shop.example/forms/1", "sha256": "ab" * 32},
        recipients=["Cloud host"],
        storage_country="IE",
        withdrawal_method="account page",
        pii_categories=["purchases", "pages"],
    )
    with alice.scope:
        record, state = ConsentRecord.objects.get(), ConsentState.objects.get()
    assert body == {
        "id": record.public_id,
        "object": "consent",
        "receipt_id": record.receipt_id,
        "purpose": "model_training",
        "event": "given",
        "event_time": "2026-02-01T09:00:00Z",
        "recorded_at": record.recorded_at.isoformat().replace("+00:00", "Z"),
        "record_hash": bytes(record.record_hash).hex(),
        "gpc": None,
    }
    assert (state.state, state.record_id, state.expires_at) == ("given", record.id, end)
    assert record.evidence == {
        "kind": "form",
        "uri": "https://shop.example/forms/1",
        "sha256": "ab" * 32,
    }
    assert (record.recipients, record.storage_country) == (["Cloud host"], "IE")
    assert (record.withdrawal_method, record.pii_categories) == (
        "account page",
        ["purchases", "pages"],
    )


def test_s17_a_withdrawal_needs_three_fields(alice):
    """Acceptance statement 17."""
    grant(alice)
    reply = post(alice, user_id="u1", purpose="model_training", event="withdrawn")
    assert reply.status_code == 201
    with alice.scope:
        state = ConsentState.objects.get()
        record = ConsentRecord.objects.order_by("id").last()
    assert (state.state, state.code) == ("withdrawn", "withdrawn")
    assert abs(record.event_time - now()) < timedelta(minutes=5)
    assert (record.collection_method, record.jurisdiction_derivation) == ("api", "tenant_default")


def test_an_act_leaves_exactly_one_entry_that_names_nobody(alice):
    """Acceptance statement 34."""
    reply = post(alice, user_id="somebody-1", purpose="analytics", event="refused")
    with alice.scope:
        record = ConsentRecord.objects.get()
        (entry,) = AuditEntry.objects.filter(action="consent.recorded")
        assert entry.subject_ref == audit_ref(Subject.objects.get().id)
        assert entry.detail.get().details == {
            "event": "refused",
            "state": "refused",
            "method": "api",
        }
    assert entry.object_id == record.public_id == reply.json()["id"]
    assert (entry.purpose, entry.lawful_basis) == ("analytics", "consent")
    assert entry.occurred_at == record.event_time
    assert (entry.actor_type, entry.actor_auth) == ("key", "bearer")
    assert entry.request_id == reply["X-Request-Id"]
    assert "somebody" not in str(entry.content())


WRONG = [
    ({"user_id": ""}, "user_id", "invalid_value"),
    ({"user_id": "x" * 201}, "user_id", "invalid_value"),
    ({"user_id": "a\tb"}, "user_id", "invalid_value"),
    ({"user_id": "a\ud800"}, "user_id", "invalid_value"),
    ({"purpose": "everything"}, "purpose", "invalid_value"),
    ({"purpose": "marketing"}, "purpose", "purpose_not_in_notice"),
    ({"event": "agreed"}, "event", "invalid_value"),
    ({"event_time": "2026-02-01T10:00:00"}, "event_time", "invalid_value"),
    ({"event_time": "2999-02-01T10:00:00Z"}, "event_time", "bad_time"),
    ({"event_time": "0001-01-01T00:00:00+14:00"}, "event_time", "invalid_value"),
    ({"lawful_basis": "because"}, "lawful_basis", "invalid_value"),
    ({"collection_method": "telepathy"}, "collection_method", "invalid_value"),
    ({"notice_id": "none"}, "notice_id", "notice_unknown"),
    ({"notice_version": "9"}, "notice_id", "notice_unknown"),
    ({"notice_sha256": "xyz"}, "notice_sha256", "invalid_value"),
    ({"notice_sha256": "0" * 64}, "notice_id", "notice_unknown"),
    ({"jurisdiction": "Bavaria"}, "jurisdiction", "invalid_value"),
    ({"expires_at": "soon"}, "expires_at", "invalid_value"),
    ({"age_band": "young"}, "age_band", "invalid_value"),
    ({"guardian_record_id": "cns_1"}, "guardian_record_id", "record_unknown"),
    ({"supersedes": "nothing"}, "supersedes", "record_unknown"),
    ({"evidence": "x"}, "evidence", "invalid_value"),
    ({"evidence": {"value": "x"}}, "evidence.kind", "invalid_value"),
    ({"evidence": {"kind": "text", "value": "\u0000"}}, "evidence.value", "invalid_value"),
    ({"recipients": ["x" * 201]}, "recipients.0", "invalid_value"),
    # Dropped in silence, it would make the consent wider than it was meant.
    ({"expire_at": "2027-01-01T00:00:00Z"}, "expire_at", "invalid_value"),
    ({"ageband": "under_13"}, "ageband", "invalid_value"),
    ({"guardian_record": "cns_1"}, "guardian_record", "invalid_value"),
    ({"evidence": {"kind": "form", "url": "x"}}, "evidence.url", "invalid_value"),
]


@pytest.mark.parametrize("wrong, param, code", WRONG, ids=[str(w)[:50] for w, _, _ in WRONG])
def test_a_faulty_act_is_refused_by_name_and_leaves_nothing(alice, wrong, param, code):
    before = held(alice)
    told = {"user_id": "u1", "purpose": "model_training", "event": "given", **NAMED}
    reply = post(alice, **{**told, **wrong})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert (error["param"], error["code"]) == (param, code)
    assert held(alice) == before
    with alice.scope:
        assert not Subject.objects.exists()


@pytest.mark.parametrize("missing", ["user_id", "purpose", "event"])
def test_what_is_missing_is_named(alice, missing):
    told = {"user_id": "u1", "purpose": "analytics", "event": "withdrawn"}
    del told[missing]
    error = post(alice, **told).json()["error"]
    assert (error["param"], error["message"]) == (missing, "This field is required.")


def test_a_childs_grant_counts_once_the_guardians_record_is_named(alice):
    """Acceptance statement 10."""
    guardian = grant(alice, user="parent")
    grant(alice, user="child", age_band="under_13", event_time="2026-01-01T00:00:00Z")
    with alice.scope:
        denied = ConsentState.objects.get(code="minor_no_guardian")
    grant(alice, user="child", age_band="under_13", guardian_record_id=guardian["id"])
    with alice.scope:
        assert ConsentState.objects.get(pk=denied.pk).state == "given"
        named = ConsentRecord.objects.order_by("id").last().guardian_record_id
        assert named == ConsentRecord.objects.order_by("id").first().id


def test_another_tenants_record_guards_nobody(alice, bob):
    archive(bob)
    guardian = grant(bob, user="parent")
    reply = post(
        alice, user_id="child", purpose="model_training", event="given", **NAMED,
        age_band="under_13", guardian_record_id=guardian["id"],
    )  # fmt: skip
    assert reply.json()["error"]["code"] == "record_unknown"


def test_a_grant_looks_for_rows_that_wait_for_it_and_a_stop_does_not(alice):
    post(alice, user_id="u1", purpose="model_training", event="withdrawn")
    assert not WorkItem.objects.filter(kind="release").exists()
    grant(alice)
    assert WorkItem.objects.filter(kind="release", tenant_id=alice.tenant.id).count() == 1


def test_no_foreign_signal_makes_a_training_consent(alice):
    """Acceptance statement 6: a consent string is kept as it came and read as nothing."""
    told = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
    reply = post(
        alice, user_id="u1", purpose="marketing", event="opted_out", collection_method="cmp",
        evidence={"kind": "tcf", "value": told},
    )  # fmt: skip
    assert reply.status_code == 201
    with alice.scope:
        assert ConsentRecord.objects.get().evidence["value"] == told
        assert list(ConsentState.objects.values_list("purpose", "state")) == [
            ("marketing", "opted_out")
        ]


def ask(business, path: str = "", status: int = 200, **query):
    reply = Client().get(f"/v1/consents{path}", query, headers=business.headers)
    assert reply.status_code == status, reply.content
    return reply.json()


def test_a_users_records_are_read_page_by_page_and_that_is_recorded(alice):
    made = [grant(alice, purpose=purpose)["id"] for purpose in ("model_training", "service")]
    grant(alice, user="u2")
    first = ask(alice, user_id="u1", limit=1)
    assert first["has_more"] and [one["id"] for one in first["data"]] == made[1:]
    rest = ask(alice, user_id="u1", limit=1, after=made[1])
    assert not rest["has_more"] and [one["id"] for one in rest["data"]] == made[:1]
    assert rest["data"][0]["notice_version"] == "1"
    assert [one["id"] for one in ask(alice, user_id="u1", purpose="service")["data"]] == made[1:]
    with alice.scope:
        entries = AuditEntry.objects.filter(action="subject.viewed")
        assert {entry.subject_ref for entry in entries} == {audit_ref(Subject.objects.first().id)}
        assert entries.count() == 3


def test_what_was_known_then_of_then_can_be_asked(alice):
    """GDPR 7(1): a withdrawal that is learnt late changes what is known, not what was known."""
    grant(alice, event_time="2026-02-01T00:00:00Z")
    before = now().isoformat()
    post(
        alice, user_id="u1", purpose="model_training", event="withdrawn",
        event_time="2026-02-03T00:00:00Z",
    )  # fmt: skip
    told = {"user_id": "u1", "purpose": "model_training", "at": "2026-02-04T00:00:00Z"}
    (known,) = ask(alice, "/state", **told)["data"]
    assert (known["state"], known["allowed"]) == ("withdrawn", False)
    (then,) = ask(alice, "/state", **told, known_at=before)["data"]
    assert (then["state"], then["code"], then["allowed"]) == ("given", None, True)
    (earlier,) = ask(alice, "/state", **{**told, "at": "2026-02-02T00:00:00Z"})["data"]
    assert earlier["allowed"]
    everything = ask(alice, "/state", user_id="u1")["data"]
    assert [one["purpose"] for one in everything] == [purpose.value for purpose in Purpose]


def test_nobodys_records_are_another_tenants(alice, bob):
    grant(alice)
    for business, user in ((bob, "u1"), (alice, "nobody")):
        assert ask(business, user_id=user)["data"] == []
        states = ask(business, "/state", user_id=user)["data"]
        assert {(one["state"], one["allowed"]) for one in states} == {("unknown", False)}
        with business.scope:
            assert not AuditEntry.objects.filter(action="subject.viewed").exists()
    assert ask(alice, "/state", 400, user_id="u1", at="2026-02-02")["error"]["param"] == "at"
