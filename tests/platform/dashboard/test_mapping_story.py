"""In a browser, as a shop manager: a messy export of films and ratings goes from its file to stored
rows, nothing read before."""

import re
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import expect

from tenants.behaviour.models import Event, Upload
from tenants.work.run import run_waiting
from tests.platform.dashboard.test_story import PHONE, sign_in, story
from tests.tenants.behaviour.uploads import agree

__all__ = ["story"]
RATINGS = Path(__file__).resolve().parents[4] / "shared/data/ml-latest-small/ratings.csv"


def messy(rows: int) -> bytes:
    """Ratings as somebody exported them: other headings, another order, commas and clock times."""
    frame = pl.read_csv(RATINGS, infer_schema=False).sample(rows, seed=4)
    when = pl.from_epoch(pl.col("timestamp").cast(pl.Int64)).dt.strftime("%Y.%m.%d %H:%M")
    return (
        frame.select(
            pl.col("rating").str.replace(".", ",", literal=True).alias("Stars given"),
            when.alias("Seen at"),
            pl.concat_str(pl.lit("M-"), "movieId").alias("Film no."),
            pl.concat_str(pl.lit("cust-"), "userId").alias("Viewer"),
        )
        .write_csv(separator=";")
        .encode("utf-16")
    )


def people(content: bytes) -> set[str]:
    return set(re.findall(r"cust-\d+", content.decode("utf-16")))


@pytest.mark.skipif(not RATINGS.is_file(), reason="ml-latest-small is not on this machine")
def test_a_shop_manager_brings_a_messy_export_in_without_reading_anything(
    alice, story, settings, tmp_path
):
    settings.UPLOAD_ROOT = tmp_path / "uploads"
    content, page = messy(500), story.page
    story.meanwhile(agree, alice, *people(content))
    sign_in(story, alice.owner.email)
    story.go("/data/")
    page.locator("input[type=file]").set_input_files(
        {"name": "export.txt", "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url("**/data/uploads/upl_*/mapping/")
    story.meanwhile(run_waiting, "default")

    for ours, theirs in (
        ("user_id", "Viewer"), ("item_id", "Film no."), ("occurred_at", "Seen at"),
        ("value", "Stars given"),
    ):  # fmt: skip
        expect(page.locator(f"#field-{ours}")).to_have_value(theirs)
    expect(page.get_by_label("Decimal mark")).to_have_value(",")
    expect(page.get_by_label("Event type")).to_have_value("rating")
    expect(page.locator("#preview")).to_contain_text("Person 1")
    expect(page.locator("#preview")).not_to_contain_text("cust-")

    page.locator("#field-occurred_at").select_option("")
    expect(page.locator("#preview")).to_contain_text("Still missing: occurred_at")
    page.locator("#field-occurred_at").select_option("Seen at")
    expect(page.locator("#preview")).not_to_contain_text("Still missing")
    page.set_viewport_size(PHONE)
    assert story.fits()

    page.get_by_role("button", name="Check the whole file first").click()
    story.meanwhile(run_waiting, "default")
    expect(page.get_by_role("heading", name="What would become of every row")).to_be_visible()
    assert story.fits()
    assert not story.meanwhile(stored, alice)
    page.get_by_role("button", name="Store it").click()
    page.wait_for_url(re.compile(r"/data/uploads/upl_\w+/$"))
    story.meanwhile(run_waiting, "default")
    expect(page.get_by_role("heading", name="What became of every row")).to_be_visible()
    assert story.meanwhile(stored, alice) == 500
    assert story.meanwhile(reports, alice) == [500]
    assert story.complaints == []


def stored(business) -> int:
    with business.scope:
        return Event.objects.count()


def reports(business) -> list[int]:
    with business.scope:
        return [upload.report["accepted"] for upload in Upload.objects.all()]
