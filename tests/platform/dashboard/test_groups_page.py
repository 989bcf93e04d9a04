"""The page on which groups are declared."""

import pytest

from tenants.accounts.models import Role
from tenants.audit.models import AuditEntry
from tests.tenants.behaviour.uploads import process
from tests.training.jobs import grouped_shop
from training.jobs.declaring import declare_groups, declared
from training.jobs.models import DeclaredGroups

PAGE, ACT = "/models/groups/", "/models/groups/declare/"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def shown(business, role: Role = Role.OWNER) -> str:
    reply = business.browser(role).get(PAGE)
    assert reply.status_code == 200
    return reply.content.decode()


def test_an_empty_page_says_what_to_do(alice):
    page = shown(alice)
    assert "Nothing to choose from yet" in page and 'href="/data/"' in page
    assert "used only to check fairness" in page


def test_the_choices_come_from_the_data_with_their_counts(alice):
    grouped_shop.stock(alice)
    page = shown(alice)
    assert "country: 4 groups, 2 of them of ten or more; 60 in all" in page
    assert "category: 2 groups, 2 of them of ten or more; 30 in all" in page
    assert "Nothing to choose from yet" not in page


def test_what_is_chosen_is_declared_and_stands_on_the_models_page(alice):
    grouped_shop.stock(alice)
    owner = alice.browser()
    assert "no version is checked for fairness" in owner.get("/models/").content.decode()
    reply = owner.post(ACT, {"subjects": "country", "items": ""})
    assert (reply.status_code, reply["Location"]) == (302, PAGE)
    with alice.scope:
        assert (declared().subjects, declared().items) == ("country", "")
    assert '<option value="country" selected>' in shown(alice)
    page = owner.get("/models/").content.decode()
    assert "checked for fairness by the groups that you declared" in page


def test_what_the_data_do_not_hold_is_refused_beside_its_field(alice):
    grouped_shop.stock(alice)
    reply = alice.browser().post(ACT, {"subjects": "planet", "items": "category"})
    assert reply.status_code == 422
    assert "planet is not one of the available choices" in reply.content.decode()
    with alice.scope:
        assert not DeclaredGroups.objects.exists()
        assert not AuditEntry.objects.filter(action="groups.declared").exists()


def test_what_is_declared_stays_a_choice_where_the_data_hold_it_no_more(alice):
    with alice.scope:
        declare_groups(subjects="planet", items="", actor=alice.actor)
    owner = alice.browser()
    assert '<option value="planet" selected>' in owner.get(PAGE).content.decode()
    assert owner.post(ACT, {"subjects": "", "items": ""}).status_code == 302
    with alice.scope:
        assert declared().subjects == ""


def test_who_may_only_read_sees_what_is_declared_and_changes_nothing(alice):
    with alice.scope:
        declare_groups(subjects="country", items="", actor=alice.actor)
    page = shown(alice, Role.ANALYST)
    assert "<code>country</code>" in page and ACT not in page
    reply = alice.browser(Role.ANALYST).post(ACT, {"subjects": "", "items": ""})
    assert reply.status_code == 403
    with alice.scope:
        assert declared().subjects == "country"


def test_names_of_groups_are_escaped(alice):
    evil = "<script>alert(1)</script>"
    items = f'item_id,attributes\na,"{{""{evil}"": 1}}"\nb,"{{""{evil}"": 2}}"\n'
    process(alice, items.encode(), "items")
    page = shown(alice)
    assert "<script>alert" not in page
    assert "attributes.&lt;script&gt;alert(1)" in page
