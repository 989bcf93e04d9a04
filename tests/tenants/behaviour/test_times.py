"""One column of a file as times, in every form in which exports write them."""

from datetime import UTC, date, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.behaviour.columns.times import times


def moment(value, zone="UTC", order=None):
    """One written time as a moment, or None."""
    return times(pl.Series("t", [value]), zone, order).moment[0]


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-01T10:30:00Z",
        "2024-05-01 10:30",
        "2024-05-01 10:30:00.000",
        "2024/5/1 10:30",
        "2024.05.01 10:30:00",
        "2024-05-01T12:30:00+02:00",
        "2024-05-01T12:30+0200",
        "2024-05-01T12:30:00 +02",
        "2024-05-01 05:00:00-05:30",
        "2024-05-01 10:30:00 UTC",
        " 2024-05-01t10:30:00z ",
        "2024-05-01 10:30 AM",
        "2024-05-01T10:30:00.000+0000",
        "20240501103000",
        "20240501T1030",
        "20240501T103000Z",
        "1 May 2024 10:30",
        "1-May-2024, 10:30:00",
        "01 May 2024 10:30:00 GMT",
        "Wed, 01 May 2024 12:30:00 +0200",
        "Wednesday, 1st May 2024 10:30",
        "May 1, 2024 10:30 AM",
        "May 01 2024 10:30",
        "Wed May 01 2024 12:30:00 GMT+0200 (CEST)",
        "Wed May  1 10:30:00 2024",
        "Wed May 01 10:30:00 UTC 2024",
        "2024年5月1日 10:30",
        "2024年5月1日 上午10:30",
        "2024 年 5 月 1 日 10时30分",
        "1714559400",
        "1714559400.0",
        "1714559400000",
        "1714559400000000",
        1714559400,
        1714559400.0,
        1714559400000,
        1714559400000000000,
        datetime(2024, 5, 1, 10, 30),
        datetime(2024, 5, 1, 12, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_one_moment_in_many_spellings(written):
    assert moment(written) == datetime(2024, 5, 1, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2024-02-30 10:00",
        "2023-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-05-01 24:00",
        "2024-05-01 10:61",
        "2024-05-01 10:00:00+15:00",
        "2024-05-01 10:00 Berlin",
        "01/05/2024",
        "5-1-2024 10:00",
        "20240532",
        "20241301",
        "2024-05-01 13:00 PM",
        "31 Foo 2024",
        "May 32, 2024",
        "2024年13月1日",
        "yesterday",
        "2024",
        "99999999999999999999",
        "10:30",
    ],
)
def test_an_impossible_or_ambiguous_time_is_no_time(written):
    assert moment(written) is None


def test_a_clock_time_is_read_in_the_files_zone():
    assert moment("2024-07-01 12:00", "Europe/London") == datetime(2024, 7, 1, 11, tzinfo=UTC)
    assert moment(datetime(2024, 7, 1, 12), "Asia/Shanghai") == datetime(2024, 7, 1, 4, tzinfo=UTC)
    assert moment(date(2024, 7, 1), "Europe/London") == datetime(2024, 6, 30, 23, tzinfo=UTC)
    assert moment("2024-07-01T12:00Z", "Europe/London") == datetime(2024, 7, 1, 12, tzinfo=UTC)


def test_the_hours_of_changing_clocks():
    assert moment("2024-03-31 01:30", "Europe/London") is None
    assert moment("2024-10-27 01:30", "Europe/London") == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)


def test_times_say_whether_they_were_given_and_said_their_zone():
    read = times(pl.Series(["2024-05-01", "2024-05-01T00:00Z", "1714559400", "soon", None]), "UTC")
    assert read.given.to_list() == [True, True, True, True, False]
    assert read.zoned.to_list() == [False, True, True, False, False]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_every_iso_time_is_read_to_the_microsecond(naive, offset):
    aware = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert moment(aware.isoformat()) == aware
    assert moment(naive.isoformat(sep=" ")) == naive.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "day_first", "month_first"),
    [
        ("1/2/2026", (2026, 2, 1), (2026, 1, 2)),
        ("01.02.2026", (2026, 2, 1), (2026, 1, 2)),
        ("1-2-26", (2026, 2, 1), (2026, 1, 2)),
        ("1/2/99", (1999, 2, 1), (1999, 1, 2)),
        ("31/12/2025", (2025, 12, 31), None),
        ("12/31/2025", None, (2025, 12, 31)),
        ("31.31.2026", None, None),
        ("1/2/202", None, None),
    ],
)
def test_where_the_year_stands_last_the_caller_says_what_stands_first(
    written, day_first, month_first
):
    for order, told in (("day", day_first), ("month", month_first), (None, None)):
        assert moment(written, order=order) == (datetime(*told, tzinfo=UTC) if told else None)


@pytest.mark.parametrize(
    ("clock", "hour"),
    [("2:30 PM", 14), ("12:30 am", 0), ("12:30 p.m.", 12), ("11:30PM", 23), ("14:30", 14)],
)
def test_halves_of_the_day(clock, hour):
    assert moment(f"1/2/2026 {clock}", order="day") == datetime(2026, 2, 1, hour, 30, tzinfo=UTC)
    assert moment("2026年2月1日 下午2:30").hour == 14


def test_forms_may_mix_in_one_column_and_each_cell_is_read_by_its_own():
    column = pl.Series(["2026-03-01", "1 Mar 2026", "1/3/2026", "20260301", "soon", None])
    read = times(column, "UTC", "day")
    first = datetime(2026, 3, 1, tzinfo=UTC)
    assert read.moment.to_list() == [first] * 4 + [None, None]
    assert read.given.to_list() == [True] * 5 + [False]


def test_whole_numbers_that_are_days_are_read_as_days():
    assert times(pl.Series([20260301, None]), "UTC").moment.to_list() == [
        datetime(2026, 3, 1, tzinfo=UTC), None,
    ]  # fmt: skip
    assert times(pl.Series([20260301, 1_714_559_400]), "UTC").moment[0].year == 1970
