"""Lines of exported files: CSV that no spreadsheet takes for a formula, and canonical JSON.

After ASVS 1.2.10 and OWASP, CSV injection.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import rfc8785

from tenants.csv_cells import STARTS

_ONE_LINE = str.maketrans({"\0": "", "\r": " ", "\n": " "})


def cell(value: Any) -> str:
    """A value as the text of one cell: an apostrophe before what could be a formula, no line
    break and no NUL inside. None is empty; numbers stay numbers.
    """
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    text = str(value)
    mark = "'" if text.startswith(tuple(STARTS)) else ""
    return mark + text.translate(_ONE_LINE)


def csv_line(values: Sequence[Any]) -> bytes:
    """One row of a CSV file, one line of the file."""
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow([cell(value) for value in values])
    return row.getvalue().encode()


def json_line(content: Mapping[str, Any]) -> bytes:
    """One object as a line of RFC 8785 JSON, which knows no line break."""
    return rfc8785.dumps(dict(content)) + b"\n"


def text_lines(text: str) -> list[bytes]:
    """Any text as the lines of a file."""
    return [line.encode() + b"\n" for line in text.splitlines()]
