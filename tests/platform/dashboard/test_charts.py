"""Charts are pure: numbers in; a figure, a text and a table out. Plotly checks the form."""

import json
from datetime import date, timedelta

import plotly.graph_objects as go
import pytest

from dashboard.charts.comparison import Bar, sources
from dashboard.charts.curves import Series, curves, thin
from dashboard.charts.over_time import active_subjects_per_week, events_per_day
from dashboard.charts.reliability import reliability

DAYS = [date(2024, 5, 30) + timedelta(days=index) for index in range(3)]
EXAMPLES = [
    events_per_day(DAYS, [12, None, 1500]),
    active_subjects_per_week(DAYS, [10, 20, None]),
    sources([Bar("Own history", 0.31, False), Bar("Combined", 0.36, True)], measure="NDCG@10"),
    curves("loss", [Series("A", [(1, 2.0), (2, 1.5)])], measure="Loss"),
    reliability([(0.01, 0.012, 500), (0.06, 0.05, 500)]),
]


@pytest.mark.parametrize("chart", EXAMPLES, ids=lambda chart: chart.id)
def test_plotly_takes_every_figure_once_colours_are_filled_in(chart):
    filled = json.loads(json.dumps(chart.figure).replace("var(--sans)", "Arial"))
    text = json.dumps(filled)
    for token in {part.split('"')[0] for part in text.split('"var(')[1:]}:
        text = text.replace(f"var({token}", "#123456")
    assert len(go.Figure(json.loads(text)).data) == len(chart.figure["data"])


@pytest.mark.parametrize("chart", EXAMPLES, ids=lambda chart: chart.id)
def test_every_chart_says_in_words_and_in_a_table_what_it_draws(chart):
    assert chart.says
    assert chart.rows
    assert all(len(row) == len(chart.columns) for row in chart.rows)


@pytest.mark.parametrize("chart", EXAMPLES, ids=lambda chart: chart.id)
def test_no_figure_holds_a_colour_of_its_own(chart):
    assert "#" not in json.dumps(chart.figure)


def test_events_per_day_draws_a_gap_for_a_small_group_and_says_so():
    chart = events_per_day(DAYS, [12, None, 1500])
    trace = chart.figure["data"][0]
    assert trace["x"] == ["2024-05-30", "2024-05-31", "2024-06-01"]
    assert trace["y"] == [12, None, 1500]
    assert chart.rows == [("30 May 2024", "12"), ("31 May 2024", "<10"), ("1 Jun 2024", "1,500")]
    assert chart.says == "Events per day from 30 May 2024 to 1 Jun 2024."


def test_sources_stand_best_on_top_and_only_the_serving_one_has_the_accent():
    chart = sources(
        [Bar("B", 0.2, False), Bar("A", 0.3, True), Bar("C", 0.1, False)], measure="NDCG@10"
    )
    trace = chart.figure["data"][0]
    assert trace["y"] == ["C", "B", "A"]  # plotly draws from the bottom up
    assert trace["x"] == [0.1, 0.2, 0.3]
    assert trace["marker"]["color"] == [
        "var(--chart-quiet)",
        "var(--chart-quiet)",
        "var(--chart-1)",
    ]
    assert chart.rows == [("A", "0.3000"), ("B", "0.2000"), ("C", "0.1000")]


def test_curves_have_one_line_and_one_key_entry_per_series():
    chart = curves(
        "valid",
        [Series("A", [(1, 0.1), (2, 0.2)], 3), Series("B", [(1, 0.3)], 4)],
        measure="NDCG@10",
    )
    assert [trace["name"] for trace in chart.figure["data"]] == ["A", "B"]
    assert chart.key == [(3, "A"), (4, "B")]
    assert chart.says == "NDCG@10 over the steps of the run; last values: A 0.2000, B 0.3000."


def test_thinning_keeps_the_ends_and_short_curves_whole():
    points = [(step, float(step)) for step in range(1001)]
    thinned = thin(points, 11)
    assert [step for step, _ in thinned] == list(range(0, 1001, 100))
    assert thin(points[:11], 11) == points[:11]
