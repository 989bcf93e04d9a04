"""Foreign signals: kept as they came, read by the tenant's table, never a consent to train."""

import base64
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now

from tenants.audit.models import AuditEntry
from tenants.consent.models import ConsentRecord, ConsentSignal, ConsentState, SignalTable
from tenants.consent.signal_reading import TCF_COUNT, TCF_PURPOSES, read_signal
from tenants.consent.signals import set_signals
from tenants.consent.store import ConsentRows
from tenants.consent.vocabulary import Purpose
from tenants.errors import AppError
from tenants.subjects.directory import find
from tests.tenants.behaviour.streams import event, public_key
from tests.tenants.consent.acts import archive, grant
from tests.tenants.consent.acts import post as tell

GOOGLE = {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"}
SEGMENT = {"categoryPreferences": {"Advertising": True, "Analytics": False, "Functional": True}}


def tcf(*purposes: int) -> str:
    """The core segment of a TCF string, version 2, that consents to these purposes alone."""
    bits = ["0"] * 232
    bits[4] = "1"  # version 2 in six bits
    for number in purposes:
        bits[TCF_PURPOSES + number - 1] = "1"
    raw = int("".join(bits), 2).to_bytes(29, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


SIGNALS = {
    "google": GOOGLE,
    "segment": SEGMENT,
    "tcf": tcf(1, 3),
    "gpp": f"DBABMA~{tcf(1, 3)}",
}


def send(business, kind: str, value: object, user: str = "u1", status: int = 201):
    reply = Client().post(
        "/v1/consents/signals",
        {"user_id": user, "kind": kind, "value": value},
        content_type="application/json",
        headers=business.headers,
    )
    assert reply.status_code == status, reply.content
    return reply.json()


def map_onto(business, kind: str, *rows: tuple[str, Purpose], notice=None) -> SignalTable:
    with business.scope:
        told = [{"kind": kind, "category": name, "purpose": what.value} for name, what in rows]
        return set_signals(rows=told, notice=notice, actor=business.actor)


def states(business) -> dict[str, str]:
    with business.scope:
        return dict(ConsentState.objects.values_list("purpose", "state"))


@pytest.mark.parametrize("kind", SIGNALS)
def test_s06_no_foreign_signal_alone_makes_a_training_consent(alice, kind):
    """GDPR 4(11): mapped onto everything that it may be, it never is a consent to train."""
    notice = archive(alice, purposes=list(Purpose))
    with alice.scope:
        categories = list(read_signal(kind, SIGNALS[kind]))
    others = [each for each in Purpose if each != Purpose.MODEL_TRAINING]
    pairs = [(name, others[n % len(others)]) for n, name in enumerate(categories)]
    map_onto(alice, kind, *pairs, notice=notice)
    send(alice, kind, SIGNALS[kind])
    assert states(alice) and "model_training" not in states(alice)
    with alice.scope:
        assert not ConsentRecord.objects.filter(purpose="model_training").exists()


def test_s06_nothing_can_be_mapped_onto_training(alice):
    """Not on the page and not by a table that was written past it."""
    with pytest.raises(AppError) as refused:
        map_onto(alice, "google", ("ad_user_data", Purpose.MODEL_TRAINING))
    assert refused.value.code == "bad_signals"
    notice = archive(alice)
    with alice.scope:
        assert not SignalTable.objects.exists()
        SignalTable.objects.create(
            number=1, actor_ref="x", created_at=now(), notice=notice,
            rows=[{"kind": "google", "category": "ad_user_data", "purpose": "model_training"}],
        )  # fmt: skip
    assert send(alice, "google", GOOGLE)["records"] == []
    assert states(alice) == {}


@pytest.mark.parametrize("kind", SIGNALS)
def test_a_signal_is_kept_exactly_as_it_came(alice, kind):
    sent = send(alice, kind, SIGNALS[kind])
    assert sent["records"] == []
    with alice.scope:
        kept = ConsentSignal.objects.get()
        if isinstance(SIGNALS[kind], str):
            assert kept.value == SIGNALS[kind]
        assert kept.public_id == sent["id"]
        subject = find("u1").id
        assert ConsentRows().count(subject)["consent_signal"] == 1
        assert ConsentRows().erase(subject)["consent_signal"] == 1


def test_what_it_says_is_recorded_by_the_tenants_table_with_the_signal_as_evidence(alice):
    notice = archive(alice, purposes=[Purpose.MARKETING, Purpose.ANALYTICS])
    rows = (("Advertising", Purpose.MARKETING), ("Analytics", Purpose.ANALYTICS))
    map_onto(alice, "segment", *rows, notice=notice)
    sent = send(alice, "segment", SEGMENT)
    assert states(alice) == {"marketing": "given", "analytics": "refused"}
    assert (len(sent["records"]), sent["unmapped"]) == (2, ["Functional"])
    with alice.scope:
        record = ConsentRecord.objects.get(purpose="marketing")
        assert (record.collection_method, record.evidence["kind"]) == ("cmp", "segment")
    assert send(alice, "segment", SEGMENT)["records"] == []
    with alice.scope:
        assert ConsentRecord.objects.count() == 2
        assert ConsentSignal.objects.count() == 2


def test_a_yes_without_an_archived_notice_counts_for_nothing_and_a_no_counts(alice):
    """GDPR 7(1): nobody could say what was agreed to."""
    rows = (("ad_user_data", Purpose.ANALYTICS), ("ad_personalization", Purpose.MARKETING))
    map_onto(alice, "google", *rows)
    sent = send(alice, "google", GOOGLE)
    assert (sent["unmapped"], states(alice)) == (["ad_user_data"], {"marketing": "refused"})


def test_where_two_categories_speak_of_one_purpose_a_no_beats_a_yes(alice):
    notice = archive(alice, purposes=[Purpose.MARKETING])
    rows = (("ad_user_data", Purpose.MARKETING), ("ad_personalization", Purpose.MARKETING))
    map_onto(alice, "google", *rows, notice=notice)
    assert send(alice, "google", GOOGLE)["unmapped"] == []
    assert states(alice) == {"marketing": "refused"}


def test_a_tcf_string_is_read_by_purpose_also_inside_gpp():
    expected = {str(number): number in (1, 3) for number in range(1, TCF_COUNT + 1)}
    assert read_signal("tcf", tcf(1, 3)) == expected
    assert read_signal("tcf", f"{tcf(1, 3)}.YAAAAAAAAAA") == expected
    assert read_signal("gpp", f"DBABMA~{tcf(1, 3)}") == expected
    assert read_signal("gpp", "DBABLA~BVQqAAAAAgA.QA") == {}


@pytest.mark.parametrize(
    "kind, value",
    [
        ("tcf", "hello"), ("tcf", {}), ("gpp", "hello"), ("gpp", tcf(1)), ("google", {}),
        ("google", "GRANTED"), ("segment", {"Advertising": True}),
        ("segment", {"categoryPreferences": {"Advertising": "yes"}}),
    ],
)  # fmt: skip
def test_what_is_no_such_signal_is_refused(alice, kind, value):
    assert send(alice, kind, value, status=400)["error"]["code"] == "bad_signal"
    with alice.scope:
        assert not ConsentSignal.objects.exists()


def test_an_answer_that_says_nothing_is_neither_yes_nor_no():
    assert read_signal("google", {"ad_user_data": "UNSPECIFIED"}) == {}


def browse(business, sec_gpc: str | None, path: str = "/v1/events", body=None, key=None):
    told = {"Authorization": f"Bearer {key or business.key}", "Origin": "https://shop.example"}
    if sec_gpc is not None:
        told["Sec-GPC"] = sec_gpc
    return Client().post(path, body or event(), content_type="application/json", headers=told)


def test_s14_a_browsers_signal_opts_out_and_is_said_to_be_honoured(alice):
    """11 CCR 7025(c)(1) and (6): of passing on and marketing, once, for the known profile."""
    archive(alice, purposes=list(Purpose))
    grant(alice, purpose="marketing", event_time=(now() - timedelta(days=1)).isoformat())
    grant(alice, purpose="service")
    for key in (alice.key, public_key(alice)):
        reply = browse(alice, "1", key=key)
        assert (reply.status_code, reply.json()["gpc"]) == (202, "honoured")
    assert states(alice) == {
        "marketing": "opted_out", "third_party_share": "opted_out", "service": "given",
    }  # fmt: skip
    with alice.scope:
        found = ConsentRecord.objects.filter(event="opted_out")
        assert {record.collection_method for record in found} == {"gpc_header"}
        assert len(found) == 2
        assert AuditEntry.objects.filter(action="consent.recorded").count() == 4


def test_s14_with_a_consent_act_as_well(alice):
    archive(alice, purposes=list(Purpose))
    body = {"user_id": "u1", "purpose": "analytics", "event": "refused"}
    assert browse(alice, "1", "/v1/consents", body).json()["gpc"] == "honoured"
    assert states(alice)["third_party_share"] == "opted_out"


@pytest.mark.parametrize("value", [None, "0", "", "true"])
def test_s14_without_the_signal_nothing_changes(alice, value):
    """http.dev/sec-gpc: absence means nothing."""
    archive(alice, purposes=list(Purpose))
    grant(alice, purpose="marketing")
    assert browse(alice, value).json()["gpc"] is None
    assert states(alice) == {"marketing": "given"}


def test_s14_an_unknown_profile_is_not_made_for_it(alice):
    with alice.scope:
        from tenants.consent.signals import honour_gpc
        from tenants.subjects.models import Subject

        assert honour_gpc(user_ids=["nobody"], actor=alice.actor) == 0
        assert not Subject.objects.exists()


def test_s18_whoever_opts_out_of_marketing_is_still_served(alice):
    """PIPL 16: refusing what the service does not need must not end it."""
    archive(alice, purposes=list(Purpose))
    grant(alice, purpose="service")
    tell(alice, user_id="u1", purpose="marketing", event="refused")
    assert browse(alice, "1").json()["accepted"] == 1
