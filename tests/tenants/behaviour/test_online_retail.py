"""The demo's own file, all of its 1,044,847 rows: what becomes of each is known exactly."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import demo
from tenants.behaviour.cleaning.event_cleaning import clean_events
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.processing.report import batch_report, merge_reports
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits

DATA = Path(demo.__file__).parent / "data" / "online_retail_II.parquet"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
OPTIONS = UploadOptions(
    default_type="purchase", cancellation_prefix="C", timezone="Europe/London", shift_weeks=779
)


def run(limits):
    """The merged report and all accepted rows of the file."""
    with DATA.open("rb") as source:
        table = open_table(source, limits=limits)
        plan = make_plan("events", table.columns, options=OPTIONS)
        reports, rows, seen = [], [], None
        for batch in table.batches(plan.columns):
            cleaned = clean_events(batch, plan, now=NOW, earlier=seen)
            seen = cleaned.seen
            reports.append(batch_report(cleaned))
            rows.append(cleaned.rows)
    return merge_reports(reports), pl.concat(rows)


@pytest.fixture(scope="module")
def whole():
    """The file read once for all tests here."""
    return run(Limits())


def test_every_row_of_the_demo_ends_in_one_outcome(whole):
    report, rows = whole
    counts = {one.code: one.count for one in report.outcomes}
    assert counts == {
        "missing_user": 235_287,
        "cancellation": 18_446,
        "pseudo_item": 2_940,
        "duplicate": 11_612,
    }
    assert report.received == 1_044_847 == report.accepted + sum(counts.values())
    assert report.accepted == rows.height == rows["row"].n_unique() == 776_562


def test_the_demo_keeps_real_items_and_people_only(whole):
    _, rows = whole
    assert (rows["user_id"].n_unique(), rows["item_id"].n_unique()) == (5_853, 4_619)
    odd = rows.filter(~pl.col("item_id").str.contains(r"^\d{5}"))
    assert Counter(odd["item_id"]) == {"PADS": 18, "SP1002": 2}


def test_the_demos_times_move_by_whole_weeks(whole):
    report, _ = whole
    assert report.first_time == datetime(2024, 11, 5, 7, 45, tzinfo=UTC)
    assert report.last_time == datetime(2026, 11, 13, 12, 50, tzinfo=UTC)


def test_a_known_customer_keeps_a_text_id(whole):
    _, rows = whole
    mine = rows.filter(pl.col("user_id") == "13085")
    assert mine.row(0, named=True)["item_title"] == "15CM CHRISTMAS GLASS BALL 20 LIGHTS"
    assert (mine.height, mine["value"].sum()) == (84, pytest.approx(2_433.28))


def test_duplicates_are_those_that_a_plain_set_finds(whole):
    _, rows = whole
    raw = pl.read_parquet(DATA).with_row_index("row", 1)
    kept = raw.filter(pl.col("row").is_in(rows["row"].cast(pl.UInt32).implode()))
    columns = ["InvoiceNo", "StockCode", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"]
    acts = kept.select(columns).with_columns(pl.col("StockCode").str.strip_chars())
    assert len(set(acts.iter_rows())) == acts.height == 776_562
