from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone, translation

from dashboard.templatetags import shown


def test_numbers_are_grouped_and_what_is_absent_is_a_dash():
    assert shown.number(1044847) == "1,044,847"
    assert shown.number("csv") == "csv"
    assert [shown.number(None), shown.metric(None), shown.percent(None)] == ["–", "–", "–"]


def test_figures_and_shares_have_fixed_decimals():
    assert shown.metric(0.35) == "0.3500"
    assert shown.percent(0.4567) == "45.7 %"
    assert shown.signed(0.01) == "+0.0100"
    assert shown.signed(-0.01) == "-0.0100"


def test_dates_name_the_month_in_english_and_follow_chinese_order_in_chinese():
    assert shown.day(date(2026, 11, 23)) == "23 Nov 2026"
    with translation.override("zh-hans"):
        assert shown.day(date(2026, 11, 23)) == "2026年11月23日"


def test_a_moment_stands_in_the_active_zone_with_the_exact_instant_behind_it():
    with timezone.override("Europe/London"):
        html = shown.moment(datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC))
    assert html == (
        '<time datetime="2026-06-01T13:30:15+01:00" title="2026-06-01 13:30:15 BST">'
        "1 Jun 2026, 13:30</time>"
    )


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(48, "48 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (timedelta(seconds=61), "1 min 1 s")],
)
def test_durations_have_at_most_two_units(seconds, words):
    assert shown.duration(seconds) == words


def test_bars_are_drawn_with_attributes_and_stay_inside():
    assert 'width="100.00%"' in shown.share_bar(1.7)
    assert "style" not in shown.share_bar(0.5)
    assert shown.share_bar(None) == ""


def test_words_in_backticks_become_code_and_everything_is_escaped():
    assert shown.with_code("use `a<b` & c") == "use <code>a&lt;b</code> &amp; c"
