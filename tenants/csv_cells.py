"""Texts in a CSV file that people may open in a spreadsheet: none is read there as a formula.

A text that begins like a formula, or with the apostrophe itself, gets one apostrophe in front
(OWASP "CSV Injection"; ASVS 5.0, 1.2.10). Taking one apostrophe away gives the text again.
Numbers, times and what a program writes itself need none of it. Knows no table.
"""

import csv
import io
from collections.abc import Iterable

# For files of which each line is signed by itself: a line break or NUL inside a text would cut it.
ONE_LINE = str.maketrans({"\0": "", "\r": " ", "\n": " "})
STARTS = "=+-@\t\r\n\0'"
# The same for PostgreSQL, whose texts hold no NUL. The column's name is our own, never a sender's.
COLUMN = r"""case when "{0}" ~ '^[-=+@\t\r\n'']' then '''' || "{0}" else "{0}" end as "{0}\""""


def plain_cell(text: str) -> str:
    """`text` as a spreadsheet shows it and calculates nothing."""
    return f"'{text}" if text.startswith(tuple(STARTS)) else text


def original(cell: str) -> str:
    """The text that `plain_cell` was given."""
    return cell.removeprefix("'")


def csv_line(values: Iterable[object], *, one_line: bool = False) -> bytes:
    """One row of a CSV file in UTF-8 (RFC 4180): texts as `plain_cell` leaves them, None empty.

    A line break in a text is quoted, or, with `one_line`, becomes a space.
    """
    line = io.StringIO()
    cells: Iterable[object] = (
        plain_cell(value) if isinstance(value, str) else value for value in values
    )
    if one_line:
        cells = (cell.translate(ONE_LINE) if isinstance(cell, str) else cell for cell in cells)
    csv.writer(line).writerow(cells)  # with its own line end it would leave a CR unquoted
    return line.getvalue().removesuffix("\r\n").encode() + b"\n"
