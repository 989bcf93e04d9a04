"""The members page, the page behind an invitation, and the switch between tenants."""

import re

import pytest
from django.core.cache import cache
from django.test import Client

from tenants.accounts.invitations import find_invitation, invite_member
from tenants.accounts.models import Invitation, Member, Role, Tenant
from tenants.accounts.queries import memberships_of, person_with
from tenants.accounts.services import add_member
from tenants.accounts.siblings import sibling_of
from tenants.audit.models import AuditEntry
from tenants.ids import public_id, uuid7
from tenants.isolation.scope import tenant_scope
from tests.business import PASSWORD, signed_in

NEW = "new@example.com"
# A sound address, longer than a mail server takes one (RFC 5321) and than our column.
LONG = f"dora@{'.'.join(['b' * 60] * 4)}.com" + "x" * 10
LINK = re.compile(r"/join/([0-9A-Za-z]{54})/")


@pytest.fixture(autouse=True)
def no_earlier_attempts():
    """The limits count in the cache, which no test rolls back."""
    cache.clear()


def invited(business, email=NEW, role="analyst") -> str:
    """The path of a fresh invitation."""
    with business.scope:
        return f"/join/{invite_member(email=email, role=role, actor=business.actor)[1]}/"


def member_of(business, role: Role) -> Member:
    with business.scope:
        return Member.objects.get(role=role)


def test_an_owner_invites_and_sees_the_link_once(alice):
    browser = alice.browser()
    reply = browser.post("/members/invite/", {"email": NEW, "role": "admin"})
    link = LINK.search(reply.content.decode())[1]
    assert reply["Cache-Control"] == "no-store"
    assert find_invitation(link)[0].email == NEW
    page = browser.get("/members/").content.decode()
    assert NEW in page and link not in page and "Administrator" in page


@pytest.mark.parametrize(
    "sent, says",
    [
        ({"email": "alice@example.com", "role": "admin"}, "member already"),
        ({"email": "nonsense", "role": "admin"}, "valid email"),
        ({"email": LONG, "role": "admin"}, "at most 254 characters"),
        ({"email": NEW, "role": "king"}, "valid choice"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_explained(alice, sent, says):
    reply = alice.browser().post("/members/invite/", sent)
    assert reply.status_code == 422
    assert says in reply.content.decode()
    with alice.scope:
        assert not Invitation.objects.exists()


def test_an_administrator_is_not_offered_the_owners_role(alice):
    browser = alice.browser(Role.ADMIN)
    assert 'value="owner"' not in browser.get("/members/").content.decode()
    reply = browser.post("/members/invite/", {"email": NEW, "role": "owner"})
    assert reply.status_code == 422
    with alice.scope:
        assert not Invitation.objects.exists()


def test_an_administrator_who_tries_an_owner_is_denied_and_the_denial_recorded(alice):
    browser = alice.browser(Role.ADMIN)
    owner = member_of(alice, Role.OWNER)
    for act, body in (("role", {"role": "analyst"}), ("remove", {})):
        assert browser.post(f"/members/{owner.public_id}/{act}/", body).status_code == 403
        with alice.scope:
            entry = AuditEntry.objects.order_by("-seq").first()
        assert (entry.action, entry.reason) == ("access.denied", "owner_only")
    assert member_of(alice, Role.OWNER).pk == owner.pk


def test_a_role_is_changed_and_counts_from_the_next_click_on(alice):
    guest = alice.browser(Role.ANALYST)
    assert guest.get("/data/").status_code == 200
    path = f"/members/{member_of(alice, Role.ANALYST).public_id}/role/"
    reply = alice.browser().post(path, {"role": "auditor"}, follow=True)
    assert "has the role Auditor now" in reply.content.decode()
    assert (guest.get("/data/").status_code, guest.get("/audit/").status_code) == (403, 200)


def test_a_removed_member_opens_nothing_from_the_next_click_on(alice):
    guest = alice.browser(Role.ANALYST)
    path = f"/members/{member_of(alice, Role.ANALYST).public_id}/remove/"
    assert alice.browser().post(path).status_code == 302
    assert guest.get("/data/")["Location"].startswith("/accounts/login/")
    assert person_with(f"analyst-{alice.tenant.id.hex}@example.com") is None


def test_whoever_ends_their_last_place_themselves_is_signed_out_and_forgotten(alice):
    guest = alice.browser(Role.ADMIN)
    path = f"/members/{member_of(alice, Role.ADMIN).public_id}/remove/"
    reply = guest.post(path, follow=True)
    assert reply.status_code == 200
    assert reply.redirect_chain[-1][0].startswith("/accounts/login/")
    assert person_with(f"admin-{alice.tenant.id.hex}@example.com") is None


def test_whoever_ends_one_of_their_places_goes_on_in_the_other(alice, bob):
    with alice.scope:
        guest = add_member(person=bob.owner, role=Role.ADMIN, actor=alice.actor)
    browser = bob.browser()
    browser.post("/tenant/choose/", {"tenant": alice.tenant.public_id})
    reply = browser.post(f"/members/{guest.public_id}/remove/", follow=True)
    assert reply.context["request"].tenant.id == bob.tenant.id
    assert "is no member any more" in reply.content.decode()


def test_the_last_owner_stays(alice):
    owner = member_of(alice, Role.OWNER)
    reply = alice.browser().post(f"/members/{owner.public_id}/remove/")
    assert reply.status_code == 409
    assert "keeps one owner" in reply.content.decode()
    assert member_of(alice, Role.OWNER).pk == owner.pk


def test_a_withdrawn_invitation_leads_nowhere(alice):
    path = invited(alice)
    with alice.scope:
        invitation = Invitation.objects.get()
    alice.browser().post(f"/members/invitations/{invitation.public_id}/withdraw/")
    assert Client().get(path).status_code == 404


def test_somebody_new_sets_a_password_and_is_in(alice):
    path, browser = invited(alice), Client()
    assert "Alice&#x27;s shop" in browser.get(path).content.decode()
    reply = browser.post(path, {"password": PASSWORD}, follow=True)
    assert reply.redirect_chain == [("/start/", 302), ("/", 302)]
    assert reply.context["request"].member.role == "analyst"
    with alice.scope:
        actions = list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))
    assert actions[-3:] == ["member.invited", "member.added", "member.signed_in"]


@pytest.mark.parametrize("password", ["", "short", "password", "1234567890", "new@example.com"])
def test_a_weak_password_makes_nobody(alice, password):
    path = invited(alice)
    assert Client().post(path, {"password": password}).status_code == 422
    assert person_with(NEW) is None
    assert Client().get(path).status_code == 200


def test_somebody_known_signs_in_and_joins_by_one_button(alice, bob):
    path, browser = invited(alice, email="bob@example.com", role="admin"), Client()
    page = browser.get(path).content.decode()
    assert f"/accounts/login/?next={path}" in page and 'name="password"' not in page
    reply = browser.post(path, {"password": "another password 9"})
    assert (reply.status_code, len(memberships_of(bob.owner))) == (200, 1)
    sent = {"login": "bob@example.com", "password": PASSWORD, "next": path}
    assert browser.post("/accounts/login/", sent)["Location"] == path
    reply = browser.post(path, follow=True)
    assert reply.context["request"].tenant.name == "Alice's shop"
    assert reply.context["request"].member.role == "admin"


def test_an_invitation_for_another_address_is_not_for_whoever_is_signed_in(alice, bob):
    path, browser = invited(alice), bob.browser()
    page = browser.get(path)
    assert (page.status_code, NEW in page.content.decode()) == (200, False)
    assert browser.post(path).status_code == 404
    assert len(memberships_of(bob.owner)) == 1


def test_every_link_that_does_not_work_gets_the_same_page(alice):
    used, withdrawn = invited(alice), invited(alice, email="b@example.com")
    Client().post(used, {"password": PASSWORD})
    with alice.scope:
        Invitation.objects.filter(email="b@example.com").update(withdrawn_at="2026-01-01T00:00Z")
    replies = [
        Client().get(path) for path in (used, withdrawn, "/join/nonsense/", f"/join/{'0' * 54}/")
    ]
    assert [reply.status_code for reply in replies] == [404] * 4
    # The language form repeats the address that was asked for.
    own = re.compile(r'(csrfmiddlewaretoken|next)" value="[^"]*"')
    (page,) = {own.sub("", reply.content.decode()) for reply in replies}
    assert "This invitation does not work" in page


def test_test_mode_is_opened_shown_and_left(alice):
    browser = alice.browser()
    assert "Test mode" not in re.sub(
        "Open test mode|Test mode is a", "", browser.get("/").content.decode()
    )
    reply = browser.post("/tenant/test/", follow=True)
    page = reply.content.decode()
    assert "nothing here touches the live tenant" in page
    assert reply.context["request"].tenant.id == sibling_of(alice.tenant.id)
    assert "Switch to the live tenant" in browser.get("/members/").content.decode()
    assert browser.post("/members/invite/", {"email": NEW, "role": "admin"}).status_code == 422
    reply = browser.post("/tenant/choose/", {"tenant": alice.tenant.public_id}, follow=True)
    assert reply.context["request"].tenant.id == alice.tenant.id
    assert "nothing here touches" not in reply.content.decode()


def test_test_mode_is_an_owners_to_open(alice):
    assert alice.browser(Role.ADMIN).post("/tenant/test/").status_code == 403
    with tenant_scope(sibling_of(alice.tenant.id)):
        assert not Tenant.objects.exists()


def test_ones_own_tenants_can_be_chosen_and_no_other(alice, bob):
    browser = bob.browser()
    for wanted in (alice.tenant.public_id, public_id("tenant", uuid7()), "x", ""):
        assert browser.post("/tenant/choose/", {"tenant": wanted}).status_code == 404
    assert browser.get("/").context["request"].tenant.id == bob.tenant.id
    with alice.scope:
        add_member(person=bob.owner, role=Role.AUDITOR, actor=alice.actor)
    reply = browser.post("/tenant/choose/", {"tenant": alice.tenant.public_id})
    assert browser.get(reply["Location"])["Location"] == "/audit/"
    assert browser.get("/audit/").context["request"].tenant.id == alice.tenant.id


def test_somebody_with_one_tenant_and_no_right_to_more_sees_no_switch(alice):
    assert "tenant/choose" not in alice.browser().get("/").content.decode()
    assert "tenant/test" not in alice.browser(Role.ANALYST).get("/").content.decode()
    assert "tenant/test" in signed_in(alice.owner).get("/").content.decode()
