"""The quality page: what came when, for people who allow statistics, and what to do about it."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from dashboard import quality
from dashboard.concerns import RULES
from dashboard.drift import Cell
from dashboard.pages.quality import _together, shown
from tenants.behaviour.models import Event, Item
from tenants.consent.models import ConsentState
from tenants.consent.policy import set_uses
from tenants.consent.vocabulary import PURPOSE_OF, Purpose, Use
from tenants.subjects.models import Subject
from tests.business import make_business
from tests.platform.dashboard.test_pages import figure_of, text_of
from tests.shop import FIRST_ITEM
from tests.stocked import stock

PAGE = "/data/quality/"


@pytest.fixture(scope="module")
def shop(made_once):
    """Forty people with twenty weeks of purchases."""
    business = make_business("Shop")
    stock(business, range(40))
    return business


@pytest.fixture
def shop_pages(shop):
    return shop.browser().get


def test_an_empty_page_says_what_to_do(pages):
    assert "Nothing came in yet" in text_of(pages(PAGE))


def test_it_says_so_when_nobody_allows_statistics(shop, shop_pages):
    with shop.scope:
        ConsentState.objects.filter(purpose="analytics").delete()
    text = text_of(shop_pages(PAGE))
    assert "Nobody allows statistics" in text and "Newest act" not in text


def test_a_withdrawal_counts_at_the_next_look(shop, shop_pages):
    with shop.scope:
        before = Event.objects.count()
        assert quality.measure(quality.latest())[0].people == 40
        ConsentState.objects.filter(purpose="analytics", subject_id=_one()).update(
            state="withdrawn"
        )
        density, _ = quality.measure(quality.latest())
        assert density.people == 39 and density.acts < before


def test_figures_rest_on_the_purpose_that_the_tenants_table_names(shop):
    with shop.scope:
        usual = {use: [purpose] for use, purpose in PURPOSE_OF.items()}
        set_uses(table={**usual, Use.CHARTS: [Purpose.MARKETING]}, actor=shop.actor)
        assert quality.latest() is None


def test_an_event_that_withholds_statistics_is_not_counted(shop):
    with shop.scope:
        before = quality.measure(quality.latest())[0].acts
        one = Event.objects.filter(subject_id=_one()).first()
        Event.objects.filter(id=one.id).update(withheld=["analytics"])
        assert quality.measure(quality.latest())[0].acts == before - 1


def test_sums_are_those_of_the_stored_events(shop):
    with shop.scope:
        last = quality.latest()
        density, changes = quality.measure(last)
        stored = list(Event.objects.values_list("subject_id", "item_id", "occurred_at"))
        per_person = sorted(
            sum(1 for row in stored if row[0] == who) for who in {row[0] for row in stored}
        )
        assert density.acts == len(stored)
        quarter = {row[:2] for row in stored if row[2] > last - timedelta(weeks=12)}
        people, items = ({pair[side] for pair in quarter} for side in (0, 1))
        assert density.items == len(items)
        assert density.filled == len(quarter) / (len(people) * len(items))
        assert density.typical == per_person[len(per_person) // 2 - 1]
        weeks = quality.arrivals(last, "week")
        ((_, cells),) = weeks.types.items()
        assert sum(cell.acts for cell in cells) == len(stored)
        assert max(cell.people for cell in cells) <= 40
        assert changes.types.distance == 0.0  # all of them are purchases
        recent = [row for row in stored if row[2] > last - timedelta(weeks=4)]
        assert changes.blank == (0, len(recent))


def test_the_page_draws_types_by_day_and_week(shop, shop_pages):
    with shop.scope:
        views = Event.objects.filter(id__in=Event.objects.order_by("id").values("id")[:400])
        Event.objects.filter(id__in=list(views.values_list("id", flat=True))).update(type=1)
    weekly = figure_of(shop_pages(f"{PAGE}?by=week"), "arrivals")
    assert [trace["name"] for trace in weekly["data"]] == ["Bought", "Viewed"]
    assert weekly["layout"]["barmode"] == "stack" and len(weekly["data"][0]["x"]) == 26
    assert len(figure_of(shop_pages(PAGE), "arrivals")["data"][0]["x"]) == 84
    assert len(figure_of(shop_pages(f"{PAGE}?by=nonsense"), "arrivals")["data"][0]["x"]) == 84


def test_a_changed_month_is_named_with_what_to_do(shop, shop_pages):
    with shop.scope:
        recent = Event.objects.filter(occurred_at__gt=quality.latest() - timedelta(weeks=4))
        recent.update(type=1)
        _, changes = quality.measure(quality.latest())
        assert changes.types.distance == 1.0 and changes.types.notable
    text = text_of(shop_pages(PAGE))
    assert "People act in other ways than in the month before." in text and "Changed" in text


def test_items_of_which_nothing_is_known_are_counted_and_told(shop, shop_pages):
    with shop.scope:
        Item.objects.update(title="", text="", category="")
        _, changes = quality.measure(quality.latest())
        assert changes.blank[0] == changes.blank[1] > 0
    text = text_of(shop_pages(PAGE))
    assert "More than one act in twenty is on an item of which nothing but the id is known." in text
    assert "100.0 % of the acts of the last four weeks" in text


def test_new_people_are_those_of_whom_nothing_is_stored_before(shop):
    with shop.scope:
        last = quality.latest()
        late = list(Subject.objects.order_by("id").values_list("id", flat=True)[:15])
        Event.objects.filter(
            subject_id__in=late, occurred_at__lte=last - timedelta(weeks=4)
        ).delete()
        _, changes = quality.measure(last)
        by = {one.name: (one.now, one.before) for one in changes.newcomers.shares}
        assert by["new"] == (15 / 40, 0.0)


def test_s37_small_groups_are_shown_nowhere(alice, pages):
    stock(alice, range(9), first_item=2 * FIRST_ITEM)
    text = text_of(pages(PAGE))
    assert "Fewer than ten people may be counted." in text and "Too few people" in text
    counts = figure_of(pages(PAGE), "arrivals")["data"][0]["y"]
    assert all(not count for count in counts)


def test_s37_one_hidden_type_of_a_day_takes_the_next_with_it():
    assert shown((Cell(50, 20), Cell(7, 3), Cell(30, 12))) == [50, None, None]
    assert shown((Cell(50, 20), Cell(7, 3), Cell(0, 0))) == [None, None, 0]
    assert shown((Cell(50, 20), Cell(7, 3), Cell(4, 2))) == [50, None, None]
    assert shown((Cell(50, 20), Cell(0, 0))) == [50, 0]
    assert shown((Cell(7, 3),)) == [None]


def test_types_put_together_count_as_few_people_as_the_fewest():
    assert _together((Cell(20, 15), Cell(9, 4), Cell(0, 0))) == Cell(29, 4)
    assert _together((Cell(0, 0), Cell(0, 0))) == Cell(0, 0)


def test_other_tenants_data_are_not_counted(shop, bob):
    with bob.scope:
        assert quality.latest() is None and quality.catalogue().items == 0


def test_what_to_do_leads_to_pages_that_are_there():
    assert all(reverse(f"dashboard:{rule.view}") for rule in RULES)


def test_old_data_are_told_to_be_old(shop, shop_pages):
    assert "The newest act is more than a week old." not in text_of(shop_pages(PAGE))
    with shop.scope:
        Event.objects.filter(occurred_at__gt=now() - timedelta(days=9)).delete()
    assert "The newest act is more than a week old." in text_of(shop_pages(PAGE))


def _one() -> int:
    return Subject.objects.order_by("id").values_list("id", flat=True)[0]
