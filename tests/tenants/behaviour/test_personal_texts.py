"""Personal data in the texts of an upload: counted, shown, and masked before a model reads them."""

import polars as pl
import pytest

from tenants.behaviour.cleaning.personal_texts import counted, for_training, kinds_by_row
from tenants.behaviour.models import Item
from tests.tenants.behaviour.uploads import agree, outcomes, process
from tests.tenants.behaviour.uploads import events as events_file

ITEMS = (
    "item_id,title,text\n"
    "i1,Red cup,Ask ada@example.com or eva@example.com\n"
    "i2,Blue cup,Call 电话13800138000 or mail ada@example.com\n"
    "i3,Green cup,EAN 4006381333931\n"
    "i1,Red cup,Ask bob@example.com\n"
).encode()


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path


def test_rows_are_counted_by_kind_and_each_row_once():
    rows = pl.DataFrame(
        {
            "row": [1, 2, 3],
            "title": ["a@example.com", None, "x"],
            "text": ["b@example.com", "b@example.com", "身份证11010519491231002X"],
        }
    )
    assert counted(kinds_by_row(rows), rows) == {"cn_resident_id": 1, "email": 2}
    first = rows.head(1)
    assert counted(kinds_by_row(rows), first) == {"email": 1}
    assert counted(kinds_by_row(rows.select("row")), rows) == {}


def test_an_items_upload_reports_them_and_stores_the_texts_as_they_came(alice):
    upload = process(alice, ITEMS, kind="items")
    assert upload.report["personal"] == {"cn_mobile": 1, "email": 2}
    assert "example.com" not in str(upload.report) and "13800138000" not in str(upload.report)
    with alice.scope:
        assert "ada@example.com" in Item.objects.get(external_id="i1").text


def test_the_page_of_the_upload_says_what_to_do(alice):
    upload = process(alice, ITEMS, kind="items")
    page = alice.browser().get(f"/data/uploads/{upload.public_id}/").content.decode()
    assert "Looks like personal data" in page and "Chinese mobile number" in page
    assert "ada@example.com" not in page


def test_a_context_that_looks_like_a_persons_is_refused(alice):
    agree(alice, "u1")
    content = (
        "user_id,item_id,type,occurred_at,contact\n"
        "u1,i1,view,2026-03-01T10:00:00Z,微信：ada_88\n"
        "u1,i1,view,2026-03-02T10:00:00Z,shop\n"
    ).encode()
    upload = process(alice, content, mapping={"context.contact": "contact"})
    assert outcomes(upload)[("rejected", "context_personal")] == (1, [1])
    assert upload.report["accepted"] == 1


def test_a_model_reads_the_texts_masked():
    texts = pl.Series("text", ["Ask ada@example.com", "plain", None, ""])
    assert for_training(texts).to_list() == ["Ask [email]", "plain", None, ""]
    assert for_training(texts.head(0)).to_list() == []


def test_events_that_name_no_text_report_nothing(alice):
    agree(alice, "u1")
    assert process(alice, events_file(("u1", "i1", "01"))).report["personal"] == {}
