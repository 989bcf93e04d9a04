"""Every page opens exactly for the roles that the table of rights says, and shows only these."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.context import PLACES
from dashboard.urls import urlpatterns
from tenants.access.rights import RIGHTS_OF
from tenants.accounts.models import Person, Role
from tenants.audit.models import AuditEntry
from tests.business import PASSWORD, signed_in

LISTS = [place.view for place in PLACES] + ["design"]
# Addresses that only take a POST.
ACTS = [
    pattern.name
    for pattern in urlpatterns
    if pattern.name
    in {
        "upload_file",
        "start_job",
        "approve",
        "publish",
        "roll_back",
        "ask_override",
        "change_rule",
        "declare_groups",
        "agree",
        "change_approval",
        "verify",
        "make_evidence",
        "set_place",
        "make_key",
        "revoke",
        "save_settings",
        "make_export",
        "close",
        "keep",
        "invite",
        "withdraw",
        "change_role",
        "remove_member",
        "open_test",
        "take_in",
        "act_on_request",
        "act_on_person",
        "read_so",
        "act_on_mapping",
        "save_event_type",
    }
]
RIGHT_OF = {pattern.name: pattern.callback for pattern in urlpatterns}


def right_of(name: str):
    view = RIGHT_OF[name]
    while not hasattr(view, "right"):
        view = view.__wrapped__
    return view.right


def address_of(name: str) -> str:
    """The address of an act; on nothing that exists, where it needs an object."""
    pattern = next(pattern for pattern in urlpatterns if pattern.name == name)
    argument = ["ver_0000000000000000000000"] if "<" in str(pattern.pattern) else []
    return reverse(f"dashboard:{name}", args=argument)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("role", Role)
def test_a_page_opens_for_a_role_that_has_its_right_and_for_no_other(alice, role, name):
    reply = alice.browser(role).get(reverse(f"dashboard:{name}"))
    assert reply.status_code == (200 if right_of(name) in RIGHTS_OF[role] else 403)


@pytest.mark.parametrize("role", Role)
def test_the_navigation_shows_what_the_role_may_open_and_nothing_else(alice, role):
    start = "/" if role != Role.AUDITOR else "/audit/"
    html = alice.browser(role).get(start).content.decode()
    side = re.search(r'<aside class="side">.*?</nav>', html, re.DOTALL).group()
    shown = re.findall(r'<a href="([^"]+)"', side)
    allowed = [p for p in PLACES if p.right in RIGHTS_OF[role]]
    assert shown == [reverse(f"dashboard:{place.view}") for place in allowed]


def test_every_act_is_listed_here():
    assert len(ACTS) == 30


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_refused_and_recorded_for_a_role_without_its_right(alice, name):
    role = next(role for role in Role if right_of(name) not in RIGHTS_OF[role])
    reply = alice.browser(role).post(address_of(name))
    assert reply.status_code == 403
    with alice.scope:
        last = AuditEntry.objects.order_by("-seq").first()
    assert (last.action, last.outcome) == ("access.denied", "denied")


@pytest.mark.parametrize("name", ACTS)
def test_an_act_is_no_page_to_look_at(alice, name):
    reply = alice.browser().get(address_of(name))
    assert reply.status_code == 405


@pytest.mark.parametrize(
    ("role", "place"), [(Role.OWNER, "/"), (Role.ANALYST, "/"), (Role.AUDITOR, "/audit/")]
)
def test_a_sign_in_leads_to_the_first_page_that_the_role_may_open(alice, role, place):
    assert alice.browser(role).get("/start/")["Location"] == place


@pytest.mark.parametrize("name", LISTS)
def test_a_stranger_is_asked_to_sign_in(db, name):
    path = reverse(f"dashboard:{name}")
    reply = Client().get(path)
    assert (reply.status_code, reply["Location"]) == (302, f"/accounts/login/?next={path}")


def test_a_person_without_a_tenant_is_told_what_to_do(db):
    person = Person.objects.create_user("charlie@example.com", PASSWORD)
    reply = signed_in(person).get("/")
    assert reply.status_code == 403
    assert "charlie@example.com, but no business has added you" in reply.content.decode()


def test_what_belongs_to_another_tenant_is_not_found(serving, bob):
    addresses = [
        reverse("dashboard:upload", args=[serving.uploads["events"].public_id]),
        reverse("dashboard:job", args=[serving.version.job.public_id]),
        reverse("dashboard:version", args=[serving.version.public_id]),
    ]
    client = bob.browser()
    assert [client.get(address).status_code for address in addresses] == [404, 404, 404]
    own = serving.business.browser()
    assert [own.get(address).status_code for address in addresses] == [200, 200, 200]
