"""Packs for auditors tell the tenant's real rows in both languages, and mark what is open."""

import json

import pytest

from compliance.packs.questions import QUESTIONS, state
from recommend.models import Decision
from tenants.audit.models import AuditEntry
from tenants.consent.models import ConsentRecord, Notice
from tenants.consent.services import set_flag
from tenants.errors import AppError
from tenants.subjects.directory import find
from tests import shop
from tests.stocked import make_serving, stock
from tests.tenants.evidence.evidence import content_of, faults, make_evidence

PACKS = {
    "processing": "record-of-processing",
    "impact": "impact-assessment",
    "algorithm": "algorithm-statement",
}


def facts(content: dict[str, bytes], name: str) -> dict[str, dict[str, object]]:
    lines = [json.loads(line) for line in content[f"{name}.jsonl"].splitlines()]
    return {f"{line['section']}.{line['fact']}": line for line in lines}


@pytest.fixture(scope="module")
def shopkeeper(made_once, artifact):
    return make_serving(range(12), artifact)


@pytest.mark.parametrize("kind", PACKS)
def test_a_pack_verifies_and_comes_as_facts_and_as_text_in_both_languages(shopkeeper, kind):
    content = content_of(make_evidence(shopkeeper, kind))
    assert faults(shopkeeper, content) == []
    name = PACKS[kind]
    english, chinese = (content[f"{name}.{language}.md"].decode() for language in ("en", "zh"))
    assert "**Contact**: OPEN" in english and shopkeeper.tenant.name in english
    assert "待填写" in chinese and shopkeeper.tenant.name in chinese
    assert all(shop.user(n) not in str(content) for n in range(12))


def test_the_record_of_processing_tells_purposes_notices_recipients_and_time_limits(shopkeeper):
    """GDPR 30(1)(a) to (g)."""
    told = facts(content_of(make_evidence(shopkeeper, "processing")), "record-of-processing")
    uses = {line["use"]: line["purposes"] for line in told["purposes.uses"]["value"]}
    assert uses["training"] == ["model_training"]
    (notice,) = told["notices.notices"]["value"]
    with shopkeeper.scope:
        assert notice["sha256"] == bytes(Notice.objects.get().sha256).hex()
    assert notice["purposes"] == sorted(shop.PURPOSES)
    kept = {line["class"]: line["days"] for line in told["retention.classes"]["value"]}
    assert kept["events"] == "as long as the tenant" and kept["quarantine"] == 30
    assert kept["consents"] == "Until the end that each record names"
    assert len(told["measures.measures"]["value"]) > 5
    assert told["data.people"]["open"] and told["controller.officer"]["open"]


@pytest.mark.parametrize("refused", [True, False])
def test_of_tls_a_pack_says_what_the_settings_show_and_no_more(alice, settings, refused):
    settings.SECURE_SSL_REDIRECT = refused
    content = content_of(make_evidence(alice, "processing"))
    told = facts(content, "record-of-processing")
    assert told["measures.tls"]["value"] is refused
    assert "TLS" not in "".join(told["measures.measures"]["value"])
    shown = {True: ("yes", "是"), False: ("no", "否")}[refused]
    for language, word in zip(("en", "zh"), shown, strict=True):
        text = content[f"record-of-processing.{language}.md"].decode()
        (line,) = [line for line in text.splitlines() if "HTTP" in line]
        assert line.endswith(f": {word}")


def test_the_impact_pack_tells_consent_logic_versions_and_gates(shopkeeper):
    """GDPR 35(7); PIPL 55, 56."""
    told = facts(content_of(make_evidence(shopkeeper, "impact")), "impact-assessment")
    states = told["consents.states"]["value"]
    assert {"purpose": "model_training", "state": "given", "people": "12"} in states
    (version,) = told["models.versions"]["value"]
    assert version["serves_now"] and version["gates"] and version["people"] == "<10"
    assert told["assessment.risks"]["open"]


def test_the_algorithm_statement_tells_logic_and_choices(shopkeeper):
    """Algorithm Provisions 12, 16, 17, 21."""
    told = facts(content_of(make_evidence(shopkeeper, "algorithm")), "algorithm-statement")
    assert told["logic.weights"]["value"]["purchase"] == 1.0
    assert told["logic.sources"]["value"] and told["service.service"]["open"]
    assert "withdrawal" in told["choices.off"]["value"]


def test_a_small_shop_is_not_counted_aloud(alice):
    stock(alice, range(5), first_item=2 * shop.FIRST_ITEM)
    told = facts(content_of(make_evidence(alice, "impact")), "impact-assessment")
    assert {line["people"] for line in told["consents.states"]["value"]} == {"<10"}
    assert told["models.versions"]["value"] == []


def test_what_the_tenant_states_closes_the_question_and_no_other(alice):
    with alice.scope:
        state(answers={"risks": "Guessing.\n# Not a heading", "people": ""}, actor=alice.actor)
        entry = AuditEntry.objects.order_by("seq").last()
        assert entry.action == "statements.changed"
        assert entry.detail.get().details == {"names": ["risks"]}
    content = content_of(make_evidence(alice, "impact"))
    told = facts(content, "impact-assessment")
    assert told["assessment.risks"]["value"] == "Guessing.\n# Not a heading"
    assert told["assessment.necessity"]["open"]
    assert "\n# Not a heading" not in content["impact-assessment.en.md"].decode()
    with alice.scope:
        state(answers={"risks": " "}, actor=alice.actor)
    told = facts(content_of(make_evidence(alice, "impact")), "impact-assessment")
    assert told["assessment.risks"]["open"]


@pytest.mark.parametrize(
    ("answers", "code"),
    [({"nothing": "x"}, "unknown_question"), ({"risks": "x" * 4001}, "statement_too_long")],
)
def test_a_faulty_statement_is_refused_and_nothing_is_kept(alice, answers, code):
    with alice.scope:
        before = AuditEntry.objects.count()
        with pytest.raises(AppError) as refused:
            state(answers={"people": "Customers", **answers}, actor=alice.actor)
        assert refused.value.code == code
        assert AuditEntry.objects.count() == before


def test_the_ledger_holds_every_record_by_its_hash_and_nobodys_id(shopkeeper):
    content = content_of(make_evidence(shopkeeper, "consents"))
    assert faults(shopkeeper, content) == []
    lines = [json.loads(line) for line in content["consents.jsonl"].splitlines()]
    with shopkeeper.scope:
        hashes = {bytes(one.record_hash).hex() for one in ConsentRecord.objects.all()}
        assert Decision.objects.count() == 0
    assert {line["record_hash"] for line in lines} == hashes and len(lines) == 48
    assert len({line["subject_ref"] for line in lines}) == 12
    assert len(content["consents.csv"].splitlines()) == 49
    assert content["flags.jsonl"] == b""
    (notice,) = (json.loads(line) for line in content["notices.jsonl"].splitlines())
    assert notice["notice_id"] == "privacy"
    assert b"shopper-" not in b"".join(content.values())


def test_the_ledger_of_one_person_is_theirs_alone(shopkeeper):
    content = content_of(make_evidence(shopkeeper, "consents", subject=shop.user(3)))
    lines = [json.loads(line) for line in content["consents.jsonl"].splitlines()]
    assert len(lines) == 4 and len({line["subject_ref"] for line in lines}) == 1


def test_the_ledger_tells_restrictions_and_objections(shopkeeper):
    with shopkeeper.scope:
        subject = find(shop.user(3)).id
        set_flag(subject_id=subject, kind="objection", purposes=None, actor=shopkeeper.actor,
                 reason="asked")  # fmt: skip
    content = content_of(make_evidence(shopkeeper, "consents"))
    (flag,) = (json.loads(line) for line in content["flags.jsonl"].splitlines())
    assert (flag["kind"], flag["raised"], flag["purposes"]) == ("objection", True, None)
    assert len(flag["subject_ref"]) == 64


def test_the_page_of_statements_asks_and_keeps(alice):
    browser = alice.browser()
    page = browser.get("/settings/statements/").content.decode()
    assert f"{len(QUESTIONS)} questions are open." in page
    assert browser.post("/settings/statements/save/", {"people": "Customers"}).status_code == 302
    page = browser.get("/settings/statements/").content.decode()
    assert f"{len(QUESTIONS) - 1} questions are open." in page and "Customers" in page
