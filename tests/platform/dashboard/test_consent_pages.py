"""The pages of consent: coverage, notices, the table of uses, foreign signals."""

import pytest
from django.utils.timezone import now

from tenants.accounts.models import Role
from tenants.consent.coverage import funnel, measure
from tenants.consent.models import ConsentState, CoverageDay, Notice, SignalTable
from tenants.consent.policy import purposes_of
from tenants.consent.services import record_batch
from tenants.consent.vocabulary import ConsentEvent, Purpose, Use
from tests.tenants.consent.acts import act, archive

PAGE = "/consent/"
NOTICE = {
    "notice_id": "privacy", "version": "2", "language": "en", "body": "Newer.\r\nText.",
    "purposes": ["service", "marketing"], "pii_categories": "purchases, pages",
}  # fmt: skip


def shown(business, address: str = PAGE, role: Role = Role.OWNER) -> str:
    reply = business.browser(role).get(address)
    assert reply.status_code == 200
    return reply.content.decode()


def agree(business, users: range, purpose: Purpose = Purpose.MODEL_TRAINING) -> None:
    archive(business)
    with business.scope:
        acts = [act(f"u{n}", ConsentEvent.GIVEN, purpose=purpose, event_time=now()) for n in users]
        record_batch(acts=acts)


def test_empty_pages_say_what_to_do(alice):
    assert "Nobody is known yet" in shown(alice)
    assert "No notice is archived" in shown(alice, "/consent/notices/")
    assert "Nothing is mapped yet" in shown(alice, "/consent/signals/")


def test_s37_the_funnel_hides_small_groups_and_what_would_tell_of_them(alice):
    """GDPR 5(1)(c), 25: neither 4 of 34 nor, of the others, 30 of 34."""
    agree(alice, range(30))
    agree(alice, range(30, 34), Purpose.SERVICE)
    with alice.scope:
        found = funnel()
        assert (found.known, found.recorded) == (34, 34)
        assert found.usable[Purpose.MODEL_TRAINING] == 30
    page = shown(alice)
    assert "34 people known" in page
    assert '<td class="num">&gt;24</td>' in page
    assert '<td class="num">30</td>' not in page


def test_coverage_is_measured_once_a_day_and_drawn(alice):
    agree(alice, range(20))
    measure(alice.tenant.id)
    measure(alice.tenant.id)
    with alice.scope:
        (day,) = CoverageDay.objects.all()
        assert (day.known, day.recorded, day.usable["model_training"]) == (20, 20, 20)
        CoverageDay.objects.create(
            day=day.day.replace(year=day.day.year - 1), known=9, recorded=9, usable={}
        )
    assert "consent-over-time" not in shown(alice)
    with alice.scope:
        from datetime import timedelta

        CoverageDay.objects.create(
            day=day.day - timedelta(days=1), known=20, recorded=20, usable={"model_training": 5}
        )
    page = shown(alice)
    assert "consent-over-time" in page and "&lt;10" in page


def test_the_table_of_uses_is_edited_in_versions(alice):
    owner = alice.browser()
    row = {"charts": "analytics", "popularity": "analytics", "training": ["sensitive"]}
    reply = owner.post("/consent/uses/", row)
    assert (reply.status_code, reply["Location"]) == (302, PAGE)
    with alice.scope:
        assert purposes_of(Use.TRAINING) == (Purpose.MODEL_TRAINING, Purpose.SENSITIVE)
        assert purposes_of(Use.PERSONALISED_ANSWER) == (Purpose.PERSONALISED_RECOMMENDATION,)
    assert "version 1" in shown(alice)
    refused = owner.post("/consent/uses/", {"charts": "analytics"})
    assert refused.status_code == 422
    assert "Every use needs a purpose" in refused.content.decode()


def test_s07_a_notice_is_archived_byte_by_byte_and_its_hash_leads_to_the_bytes(alice, bob):
    """GDPR 7(1); PIPL 17."""
    owner = alice.browser()
    assert owner.post("/consent/notices/archive/", NOTICE).status_code == 302
    with alice.scope:
        made = Notice.objects.get()
        assert bytes(made.body) == b"Newer.\nText."
        assert (made.purposes, made.pii_categories) == (
            ["marketing", "service"], ["pages", "purchases"],
        )  # fmt: skip
    reply = owner.get(f"/consent/notices/{made.public_id}/")
    assert (reply.content, reply["Content-Type"]) == (
        b"Newer.\nText.", "text/plain; charset=utf-8",
    )  # fmt: skip
    assert bytes(made.sha256).hex() in shown(alice, "/consent/notices/")
    assert bob.browser().get(f"/consent/notices/{made.public_id}/").status_code == 404


def test_s08_the_page_says_how_many_consents_a_changed_notice_suspends(alice):
    """PIPL 14; a small number is hidden here as well."""
    agree(alice, range(3))
    owner = alice.browser()
    reply = owner.post("/consent/notices/archive/", NOTICE, follow=True)
    assert "&lt;10 people rests until renewed" in reply.content.decode()
    with alice.scope:
        from tenants.consent.queries import in_force

        assert not ConsentState.objects.filter(in_force()).exists()


def test_signals_are_mapped_and_never_onto_training(alice):
    archive(alice, purposes=[Purpose.MARKETING])
    owner = alice.browser()
    with alice.scope:
        notice = Notice.objects.get().public_id
    told = {"rows": "google, ad_user_data, marketing\n\ntcf, 4, marketing", "notice": notice}
    assert owner.post("/consent/signals/save/", told).status_code == 302
    with alice.scope:
        table = SignalTable.objects.get()
        assert len(table.rows) == 2 and table.notice.public_id == notice
    assert "ad_user_data" in shown(alice, "/consent/signals/")
    for wrong in ("google, ad_user_data, model_training", "google ad_user_data"):
        assert owner.post("/consent/signals/save/", {"rows": wrong}).status_code == 422
    with alice.scope:
        assert SignalTable.objects.count() == 1


@pytest.mark.parametrize("address", [PAGE, "/consent/notices/", "/consent/signals/"])
def test_an_analyst_reads_and_changes_nothing(alice, address):
    assert '<form class="form"' not in shown(alice, address, Role.ANALYST)
