"""Files larger than memory: what a reader holds of them has a bound that the file has not."""

import functools
import subprocess
import sys
from collections.abc import Iterable

import polars as pl
import pytest

from tenants.behaviour.cleaning import seen
from tenants.behaviour.cleaning.people import People
from tenants.behaviour.processing import working
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tests.tenants.behaviour.behaviour_files import clean_batches, event_file, event_line, refusal
from tests.tenants.behaviour.uploads import accept, agree, events, fresh, outcomes, run_waiting

MEBI = 1 << 20

# A process that has read nothing before, so that its peak is this file's.
FRESH = """
import sys
from pathlib import Path
from tenants.isolation.vault import sealed_reader, sealing
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.cleaning.event_cleaning import clean_events
from tenants.behaviour.columns.mapping import make_plan
from datetime import UTC, datetime
import polars as pl

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

path, wanted = Path(sys.argv[1]), int(sys.argv[2]) << 20
with sealing(path, b"k" * 32, b"n") as sealed:
    sealed.write(b"user_id,item_id,type,occurred_at,value\\n")
    number = 0
    while sealed.length < wanted:
        n = pl.int_range(number, number + 20_000, eager=True)
        parts = (n % 50_000, n % 3_000, n + 1_700_000_000, n % 90)
        lines = pl.select(pl.format("user-{},item-{},view,{},{}.5", *parts)).to_series()
        sealed.write(("\\n".join(lines) + "\\n").encode())
        number += 20_000
before, received, seen = peak(), 0, None
table = open_table(sealed_reader(path, [b"k" * 32], b"n"))
plan = make_plan("events", table.columns)
for batch in table.batches(plan.columns):
    cleaned = clean_events(batch, plan, now=datetime(2026, 1, 1, tzinfo=UTC), earlier=seen)
    seen, received = cleaned.seen, received + cleaned.received
print(received == number, before, peak())
"""


def measured(path, megabytes: int) -> tuple[bool, int, int]:
    """All rows read; MiB at most before and while a sealed CSV file of that size is cleaned."""
    words = [sys.executable, "-c", FRESH, str(path), str(megabytes)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    whole, before, peak = done.stdout.split()
    return whole == "True", int(before), int(peak)


def test_a_large_sealed_csv_is_cleaned_within_a_bound(tmp_path):
    """Half a GiB is held however long the file is: 150 MiB of it in the clear would be seen."""
    whole, before, peak = measured(tmp_path / "sealed", 150)
    assert whole
    assert before < 200 and peak < 600


def test_rows_are_remembered_to_a_bound_and_a_late_repetition_is_found_where_it_is_stored(
    alice, monkeypatch, settings, tmp_path
):
    settings.UPLOAD_ROOT = tmp_path
    monkeypatch.setattr(seen, "REMEMBERED", 4)
    monkeypatch.setattr(seen, "RUN_ROWS", 4)
    small = functools.partial(open_table, limits=Limits(batch_bytes=120))
    monkeypatch.setattr(working, "open_table", small)
    agree(alice, "u1")
    rows = [("u1", f"i{n}", f"{1 + n % 28:02d}") for n in range(20)]
    upload = accept(alice, events(*rows, rows[-1], rows[0]))
    run_waiting("default")
    upload = fresh(alice, upload)
    assert upload.report["accepted"] == 20
    assert outcomes(upload) == {
        ("duplicate", "duplicate"): (1, [21]),
        ("duplicate", "already_stored"): (1, [22]),
    }


def test_what_is_remembered_is_as_many_rows_as_needed_and_no_run_more(monkeypatch):
    monkeypatch.setattr(seen, "REMEMBERED", 7)
    monkeypatch.setattr(seen, "RUN_ROWS", 12)
    lines = [event_line(item=f"i{n}") for n in range(200)]
    batches = clean_batches(event_file(*lines), limits=Limits(batch_bytes=400))
    held = [cleaned.seen for cleaned in batches]
    assert len(held) > 10
    assert all(len(one) < 7 + 12 for one in held) and len(held[-1]) >= 7
    assert all(len(run.keys) <= 12 for one in held for run in one.runs)


def test_rows_are_known_by_both_halves_of_their_key(monkeypatch):
    monkeypatch.setattr(seen, "RUN_ROWS", 4)
    found = seen.Seen.nothing()
    for start in range(0, 30, 3):
        found = found.adding(keys((n * 7919 % 31, n) for n in range(start, start + 3)))
    assert len(found) == 30 and len(found.runs) > 5
    asked = [(n * 7919 % 31, n) for n in range(29, -1, -1)]
    assert found.known(keys(asked)).to_list() == [True] * 30
    assert not found.known(keys((key, check + 1) for key, check in asked)).any()
    assert found.known(keys([(2**64 - 1, 1), (0, 10**9)])).to_list() == [False, False]
    assert found.adding(keys([])) is found and found.known(keys([])).len() == 0


def keys(pairs: Iterable[tuple[int, int]]) -> pl.DataFrame:
    rows = list(pairs)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(seen.KEY)}
    return pl.DataFrame(columns, schema=dict.fromkeys(seen.KEY, pl.UInt64))


def test_people_are_counted_once_each_in_however_many_batches(monkeypatch):
    monkeypatch.setattr("tenants.behaviour.cleaning.people.AT_ONCE", 100)
    people = People()
    for start in range(0, 5_000, 50):
        people.add(pl.Series([f"u{n % 700}" for n in range(start, start + 90)]))
    people.add(pl.Series([], dtype=pl.String))
    assert people.count() == people.count() == 700


def test_rows_that_never_fit_the_headings_end_the_file():
    limits = Limits(broken_rows=5)
    assert refusal(b"a,b\n1,2\n" + b"1\n" * 6, limits=limits) == "too_many_broken"


@pytest.mark.parametrize("end", [b"", b"1,2\n"])
def test_a_few_that_do_not_fit_do_not(end):
    data = b"a,b\n1,2\n" + b"1\n" * 5 + end
    table = open_table(data, limits=Limits(broken_rows=5))
    faults = [fault for batch in table.batches(["a"]) for fault in batch.faults]
    assert faults.count("unparseable") == 5
