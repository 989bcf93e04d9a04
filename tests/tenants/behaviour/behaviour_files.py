"""Small uploaded files for the tests of this folder, and the whole way from bytes to outcomes."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

import polars as pl
import pytest

from tenants.behaviour.cleaning.event_cleaning import clean_events
from tenants.behaviour.cleaning.sifting import Cleaned
from tenants.behaviour.columns.mapping import make_plan
from tenants.behaviour.columns.options import UploadOptions
from tenants.behaviour.reading.opening import open_table
from tenants.behaviour.reading.tables import Limits
from tenants.behaviour.refusals import UploadRefused

NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
HEAD = "user_id,item_id,type,occurred_at,value,quantity,price,order_id,event_id,item_title"


USUAL = Limits()
SMALL = Limits(batch_bytes=1_000, cell_bytes=200)


def read(
    data: bytes | BinaryIO,
    columns: list[str] | None = None,
    limits: Limits = USUAL,
    **form: str | None,
) -> list[tuple[Any, ...]]:
    """Row number, fault and cells of every row."""
    table = open_table(data, limits=limits, **form)
    return [
        (row, fault, *cells)
        for batch in table.batches(columns or table.columns)
        for row, fault, cells in zip(batch.rows, batch.faults, batch.frame.iter_rows(), strict=True)
    ]


def refusal(data: bytes, limits: Limits = USUAL, **form: str | None) -> str:
    """The code with which a file is refused, at once or while it is read."""
    with pytest.raises(UploadRefused) as caught:
        read(data, limits=limits, **form)
    assert caught.value.message
    return caught.value.code


def event_line(
    user: str = "u1",
    item: str = "i1",
    type: str = "view",
    time: str = "2024-05-01T10:00:00Z",
    value: str = "",
    quantity: str = "",
    price: str = "",
    order: str = "",
    event: str = "",
    title: str = "",
) -> str:
    """One line under HEAD."""
    return ",".join((user, item, type, time, value, quantity, price, order, event, title))


def event_file(*lines: str) -> bytes:
    """A CSV file of these lines."""
    return "\n".join((HEAD, *lines, "")).encode()


def parquet_file(columns: object, **settings: object) -> bytes:
    """A Parquet file of these columns."""
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out, **settings)  # type: ignore[arg-type]
    return out.getvalue()


def clean_batches(data: bytes, *, limits: Limits = USUAL, **options: object) -> Iterator[Cleaned]:
    """The batches of an events file, cleaned."""
    table = open_table(data, limits=limits)
    plan = make_plan("events", table.columns, options=UploadOptions(**options))  # type: ignore[arg-type]
    seen = None
    for batch in table.batches(plan.columns):
        cleaned = clean_events(batch, plan, now=NOW, earlier=seen)
        seen = cleaned.seen
        yield cleaned


def clean(data: bytes, **options: object) -> Cleaned:
    """An events file of one batch, cleaned."""
    (cleaned,) = clean_batches(data, **options)
    return cleaned


def outcomes(data: bytes, **options: object) -> list[str]:
    """The outcome of every row of a one-batch events file, in order."""
    cleaned = clean(data, **options)
    ended = dict(cleaned.marks.iter_rows())
    return [ended.get(row, "accepted") for row in range(1, cleaned.received + 1)]
