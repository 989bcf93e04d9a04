"""What an upload's texts are written in, and how much of them the base model reads."""

import pytest

from tenants.behaviour.cleaning import item_texts
from tenants.behaviour.cleaning.item_texts import shares, unread_share
from tenants.behaviour.models import Upload
from tests import shop
from tests.tenants.behaviour.uploads import process


@pytest.fixture(autouse=True)
def base(settings, tmp_path):
    """A base model whose tokenizer knows the letters of the alphabet."""
    settings.UPLOAD_ROOT = tmp_path / "uploads"
    settings.BASE_MODELS = [shop.tiny_base_model(tmp_path / "tiny")]
    item_texts.reader_of.cache_clear()
    yield
    item_texts.reader_of.cache_clear()


def report(business, *lines: str) -> dict[str, int]:
    content = "\n".join(("sku,title,text", *lines, "")).encode()
    return process(business, content, Upload.ITEMS).report["texts"]


def test_scripts_are_counted_by_letters(alice):
    found = report(alice, "1,Red mug,", "2,茶杯,灯", "3,кружка,", "4,ไทย,", "5,,")
    assert found["items"] == 4
    assert dict(shares(found)) == {
        "Latin": 6 / 18, "Han": 3 / 18, "Cyrillic": 6 / 18, "Thai": 3 / 18,
    }  # fmt: skip


def test_what_the_tokenizer_does_not_know_is_counted_in_characters(alice):
    found = report(alice, "1,茶杯,", "2,茶杯,")
    assert (found["characters"], found["unread"]) == (4, 4)
    assert unread_share(found) == 1.0


def test_without_the_base_model_scripts_are_counted_all_the_same(alice, settings):
    settings.BASE_MODELS = ["not-on-this-machine"]
    found = report(alice, "1,Mug,")
    assert found == {"items": 1, "letters": 3, "script:Latin": 3}
    assert unread_share(found) is None


def test_rows_that_are_no_items_are_not_measured(alice):
    upload = process(alice, b"user_id,item_id,type,occurred_at\nu,i,view,2026-03-01T10:00:00Z\n")
    assert upload.report["texts"] == {}


def test_items_without_texts_count_as_nothing(alice):
    assert report(alice, "1,,") == {}


def test_the_page_says_what_to_do_about_texts_that_are_not_read(alice):
    upload = process(alice, "sku,title\n1,茶杯\n".encode(), Upload.ITEMS)
    page = alice.browser().get(f"/data/uploads/{upload.public_id}/").content.decode()
    assert "Chinese characters" in page and "Choose a base for this language." in page
