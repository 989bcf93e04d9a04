"""The log tells of people without anybody's data: no detector finds anything in it."""

import json

from tenants.audit.models import AuditDetail, AuditEntry
from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Upload
from tenants.masking.masking import find
from tenants.work.run import run_waiting
from tests import shop
from tests.stocked import publish, stock
from tests.trained import give_version
from training.jobs.overriding import request_override
from training.jobs.services import set_standing_approval

# Ids as some shops have them: whoever reads one knows the person.
SEEDED = ("ada.lovelace@example.com", "13800138000", "11010519491231002X")
SAID = "Ask ada.lovelace@example.com or 电话13800138000, 身份证11010519491231002X."


def told(business) -> list[str]:
    """Every entry with its details, as one text each."""
    with business.scope:
        details = {row.entry_id: row.details for row in AuditDetail.objects.all()}
        return [
            json.dumps([entry.content(), details.get(entry.pk)], ensure_ascii=False)
            for entry in AuditEntry.objects.order_by("seq")
        ]


def test_s34_no_audit_line_holds_what_the_detectors_know_or_a_seeded_identifier(alice, artifact):
    """ASVS 5.0, 16.2.5, over uploads, consents, versions and what members write themselves."""
    stock(alice, range(12))
    rows = [f"{user},i1,view,2026-03-0{n}T10:00:00Z" for n, user in enumerate(SEEDED, start=1)]
    content = "\n".join(["user_id,item_id,type,occurred_at", *rows, ""]).encode()
    with alice.scope:
        accept_upload(kind=Upload.EVENTS, name="people.csv", chunks=[content], actor=alice.actor)
    run_waiting("default")
    version = give_version(alice, artifact)
    publish(alice, version)
    failed = give_version(alice, artifact)
    with alice.scope:
        failed.gates = [{"gate": "fair_to_groups", "outcome": "fail", "reason": "x", "figures": {}}]
        failed.save()
        set_standing_approval(enabled=True, reason=SAID, actor=alice.actor)
        request_override(version_id=failed.id, actor=alice.actor, reason=SAID)
    lines = told(alice)
    assert len(lines) > 12
    assert [(one, line) for line in lines for one in find(line)] == []
    whole = "".join(lines)
    assert [one for one in (*SEEDED, shop.user(1), SAID) if one in whole] == []


def test_s34_a_members_own_words_stay_but_for_what_is_masked(alice):
    with alice.scope:
        set_standing_approval(enabled=True, reason=SAID, actor=alice.actor)
        entry = AuditEntry.objects.order_by("seq").last()
        assert entry.detail.get().details["reason"] == (
            "Ask [email] or 电话[cn_mobile], 身份证[cn_resident_id]."
        )
