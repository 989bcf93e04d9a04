"""Reports that only add up."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from behaviour_files import clean, clean_batches, event_file, event_line
from hypothesis import given, settings
from hypothesis import strategies as st

from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.processing.report import (
    Outcome,
    Report,
    ReportDoesNotAddUp,
    batch_report,
    complete_report,
    merge_reports,
)
from tenants.behaviour.reading.tables import Limits

DATA = event_file(
    event_line(user="u1"),
    event_line(user=""),
    event_line(user="u2", time="2024-05-03T10:00:00Z"),
    event_line(user="u1"),
    event_line(user="u3", time="2024-05-09T10:00:00Z"),
    event_line(user=""),
)


def test_a_batch_report_names_counts_and_rows():
    report = batch_report(clean(DATA))
    assert (report.received, report.accepted) == (6, 3)
    assert report.outcomes == (
        Outcome("rejected", "missing_user", 2, (2, 6)),
        Outcome("duplicate", "duplicate", 1, (4,)),
    )
    assert report.first_time == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert report.last_time == datetime(2024, 5, 9, 10, tzinfo=UTC)


def test_withheld_rows_leave_the_accepted_and_their_time_range():
    withheld = {("quarantined", "no_record"): [5], ("duplicate", "already_stored"): [1]}
    report = batch_report(clean(DATA), withheld=withheld)
    assert (report.accepted, report.count("quarantined"), report.count("duplicate")) == (1, 1, 2)
    assert report.outcomes[-2:] == (
        Outcome("quarantined", "no_record", 1, (5,)),
        Outcome("duplicate", "already_stored", 1, (1,)),
    )
    assert report.first_time == report.last_time == datetime(2024, 5, 3, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "withheld",
    [
        {("quarantined", "no_record"): [2]},
        {("quarantined", "no_record"): [99]},
        {("quarantined", "no_record"): [5, 5]},
        {("quarantined", "no_record"): [5], ("duplicate", "already_stored"): [5]},
        {("lost", "no_record"): [5]},
        {("rejected", "missing_user"): [5]},
    ],
    ids=str,
)
def test_rows_cannot_be_withheld_twice_or_out_of_nowhere(withheld):
    with pytest.raises(ReportDoesNotAddUp):
        batch_report(clean(DATA), withheld=withheld)


@pytest.mark.parametrize(
    "change",
    [
        {"received": 7},
        {"accepted": 4},
        {"accepted": -1, "received": 2},
        {"outcomes": ()},
        {"outcomes": (Outcome("rejected", "missing_user", 3, (2, 6)),)},
    ],
    ids=str,
)
def test_a_report_that_does_not_add_up_cannot_be_made(change):
    with pytest.raises(ReportDoesNotAddUp):
        replace(batch_report(clean(DATA)), **change)


def test_batches_merge_into_the_report_of_the_whole():
    lines = [event_line(user=f"u{n % 30}" if n % 7 else "") for n in range(300)]
    data = event_file(*lines)
    parts = [batch_report(one) for one in clean_batches(data, limits=Limits(batch_bytes=2_000))]
    assert len(parts) > 3
    assert merge_reports(parts) == batch_report(clean(data))


def test_withheld_outcomes_merge_behind_the_chain():
    one = batch_report(clean(DATA), withheld={("quarantined", "withdrawn"): [5]})
    two = batch_report(clean(DATA), withheld={("quarantined", "no_record"): [3, 5]})
    merged = merge_reports([one, two])
    assert (merged.received, merged.accepted) == (12, 3)
    assert merged.outcomes == (
        Outcome("rejected", "missing_user", 4, (2, 2, 6, 6)),
        Outcome("duplicate", "duplicate", 2, (4, 4)),
        Outcome("quarantined", "no_record", 2, (3, 5)),
        Outcome("quarantined", "withdrawn", 1, (5,)),
    )


def test_no_batches_make_an_empty_report():
    assert merge_reports([]) == Report(received=0, accepted=0)


def complete():
    """The complete report of DATA."""
    plan = make_plan("events", ["user_id", "item_id", "time", "type", "colour"],
                     options=UploadOptions(shift_weeks=3))  # fmt: skip
    return complete_report(
        batch_report(clean(DATA)),
        plan=plan,
        details={"format": "csv"},
        items_created=1,
        subjects_seen=3,
    )


def test_a_complete_report_repeats_the_options_in_force():
    plain = complete().to_plain()
    assert plain["plan"]["options"]["shift_weeks"] == 3
    assert plain["plan"]["unread"] == ["colour"]
    assert "postage" in [one["name"] for one in plain["plan"]["options"]["pseudo_items"]]
    assert (plain["items_created"], plain["subjects_seen"]) == (1, 3)
    sums = plain["accepted"] + plain["duplicate"] + plain["quarantined"] + plain["rejected"]
    assert plain["received"] == sums == 6


def test_a_report_survives_the_way_through_json():
    assert Report.from_plain(json.loads(json.dumps(complete().to_plain()))) == complete()


def test_a_complete_report_cannot_be_merged():
    with pytest.raises(ReportDoesNotAddUp):
        merge_reports([complete(), batch_report(clean(DATA))])


def test_a_report_holds_no_value_of_a_row():
    data = event_file(event_line("secret-user", "secret-item", title="secret-title"),
                      event_line("secret-user", "", "secret-type"))  # fmt: skip
    assert "secret" not in json.dumps(batch_report(clean(data)).to_plain())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["u1", "u2", "", "null", "x" * 300]), min_size=1, max_size=40),
       st.integers(0, 3))  # fmt: skip
def test_any_batch_adds_up_with_any_rows_withheld(users, every):
    cleaned = clean(event_file(*(event_line(user=user) for user in users)))
    held = cleaned.rows["row"].to_list()[:: every + 1]
    report = batch_report(cleaned, withheld={("quarantined", "no_record"): held})
    assert report.received == len(users)
    assert report.accepted == cleaned.rows.height - len(held)
