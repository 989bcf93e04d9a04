"""Rows as lines of JSON and of CSV, as the export of one person has them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tenants.audit.canonical import timestamp
from tenants.csv_cells import csv_line

Row = Mapping[str, Any]


def plain(value: Any) -> Any:
    """A column's value as JSON has it."""
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value) if isinstance(value, UUID | date) else value


def json_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """One JSON object a line."""
    for row in rows:
        line = {name: plain(value) for name, value in row.items()}
        yield (json.dumps(line, ensure_ascii=False) + "\n").encode()


def csv_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """A head of the first row's names, then the rows; nothing where there is no row."""
    names: list[str] = []
    for row in rows:
        if not names:
            names = list(row)
            yield csv_line(names)
        yield csv_line(_cell(row.get(name)) for name in names)


def _cell(value: Any) -> Any:
    value = plain(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
