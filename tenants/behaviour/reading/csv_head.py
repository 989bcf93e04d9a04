"""The first lines of a CSV file: which delimiter cuts it, and what its headings are."""

import csv
import io
from dataclasses import dataclass

from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused, shown

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_RECORDS = 50
HEADING_LENGTH = 200


@dataclass(frozen=True)
class Head:
    """The headings, the line they start on, and the length up to their end in UTF-8 bytes."""

    columns: tuple[str, ...]
    line: int
    size: int


def records(text: str, delimiter: str) -> list[list[str]]:
    """The first records of the sample that are not blank."""
    found: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if record:
                found.append(record)
            if len(found) > SAMPLE_RECORDS:
                break
    except csv.Error:
        return found
    return found


def likely_delimiter(text: str, whole: bool) -> str:
    """The delimiter that cuts most records into as many cells as there are headings."""
    scores = {}
    for delimiter in DELIMITERS:
        found = records(text, delimiter)
        widths = [len(record) for record in (found if whole or len(found) < 2 else found[:-1])]
        wide = widths[0] if widths else 1
        agreeing = sum(width == wide for width in widths) / max(len(widths), 1)
        scores[delimiter] = (wide > 1, round(agreeing, 1), wide)
    return max(DELIMITERS, key=lambda delimiter: scores[delimiter])


def read_head(text: str, delimiter: str, limits: Limits, whole: bool) -> Head:
    """The first record that is not blank, as headings; a blank heading is named by its place."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    start, record = 1, list[str]()
    try:
        while not record:
            start = reader.line_num + 1
            record = next(reader)
    except StopIteration:
        raise UploadRefused("empty_file") from None
    except csv.Error:
        raise UploadRefused("bad_header") from None
    lines = list(io.StringIO(text, newline=""))[: reader.line_num]
    if not whole and not lines[-1].endswith(("\r", "\n")):
        raise UploadRefused("row_too_long", row=0, most=limits.batch_bytes)
    size = len("".join(lines).encode("utf-8"))
    return Head(headings(record, limits), start, size)


def headings(record: list[str], limits: Limits) -> tuple[str, ...]:
    """The headings without blanks around them, each once."""
    if len(record) > limits.columns:
        raise UploadRefused("too_many_columns", count=len(record), most=limits.columns)
    names = [name.strip() or f"column {place}" for place, name in enumerate(record, start=1)]
    if any(not name.isprintable() or len(name) > HEADING_LENGTH for name in names):
        raise UploadRefused("bad_header")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UploadRefused("duplicate_columns", columns=shown(repeated))
    return tuple(names)
