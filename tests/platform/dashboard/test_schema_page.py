"""What files may hold, told from the one table of columns; and every sample is taken whole."""

import io
from html import unescape

import polars as pl
import pytest

from dashboard.wording.columns import COLUMN_TYPES, MEANINGS
from tenants.behaviour.columns import samples
from tenants.behaviour.columns.schema import CONSENTS, KINDS
from tenants.behaviour.models import Upload
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tests.platform.dashboard.test_pages import text_of
from tests.tenants.behaviour.uploads import process


def test_every_column_stands_on_the_page_with_what_it_means_and_an_example(pages):
    text = unescape(text_of(pages("/data/schema/")))
    for kind in KINDS.values():
        for column in kind.columns:
            assert column.name in text
            assert samples.example_of(kind, column.name), column.name
            assert str(MEANINGS[kind.name][column.name]).split(".")[0] in text
            assert column.type in COLUMN_TYPES
    assert "user_id required id" in text
    assert "transaction, buy, sale, order, orderitem, sold" in text
    assert "given · renewed · opt_out_revoked" in text


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_words_and_samples_are_of_the_tables_columns_and_no_others(kind):
    names = {column.name for column in kind.columns}
    assert set(MEANINGS[kind.name]) == names
    told = set(samples.CELLS[kind]) | set(samples.SHOWN[kind])
    assert told == names and set(samples.CHOICES[kind]) <= names
    assert not set(samples.CELLS[kind]) & set(samples.SHOWN[kind])


def download(business, kind: str, form: str) -> bytes:
    reply = business.browser().get("/data/schema/sample/", {"kind": kind, "form": form})
    assert reply.status_code == 200
    assert reply["Content-Disposition"] == f'attachment; filename="{kind}.{form}"'
    return reply.content


@pytest.mark.parametrize("form", samples.FORMS)
def test_every_row_of_every_sample_is_accepted(alice, form):
    with alice.scope:
        archive_notice(
            notice_id="privacy", version="1", language="en", body=b"What we ask for.",
            purposes=list(Purpose), actor=alice.actor,
        )  # fmt: skip
    for kind in ("consents", "items", "events"):
        upload = process(alice, download(alice, kind, form), kind)
        assert upload.state == Upload.DONE, upload.error
        assert upload.report["accepted"] == upload.report["received"] == samples.ROWS, upload.report


def test_the_forms_of_a_sample_say_the_same(alice):
    for name, kind in KINDS.items():
        csv = pl.read_csv(download(alice, name, "csv"), infer_schema=False)
        parquet = pl.read_parquet(io.BytesIO(download(alice, name, "parquet")))
        lines = pl.read_ndjson(io.BytesIO(download(alice, name, "jsonl")), infer_schema_length=None)
        columns = [column.name for column in kind.columns]
        assert csv.columns == parquet.columns == columns
        assert set(lines.columns) == set(samples.CELLS[kind])
        assert len(csv) == len(parquet) == len(lines) == samples.ROWS
    assert parquet.schema["event_time"] == pl.Datetime("us", "UTC")
    assert kind is CONSENTS and parquet["sensitive"].to_list() == [False] * samples.ROWS


@pytest.mark.parametrize("asked", [{"kind": "events", "form": "exe"}, {"kind": "../x"}])
def test_another_sample_is_not_there(alice, asked):
    assert alice.browser().get("/data/schema/sample/", asked).status_code == 404
