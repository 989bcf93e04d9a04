"""The first rows of a file as they lie in it: what a proposal is made from and a preview shows.

They are persons' data like the file, so they lie sealed beside it and go with it.
"""

import io
import json
from dataclasses import dataclass
from uuid import UUID

import polars as pl

from tenants.behaviour.arriving import vault
from tenants.behaviour.reading.tables import Batch, Table

ROWS = 200
DRAFT = "look"
ROW, FAULT = "\0row", "\0fault"  # no heading holds a NUL


@dataclass(frozen=True)
class Look:
    """`details` is what the reader found out about the file's form, `batch` its first rows with
    all of their columns, under the file's own headings."""

    details: dict[str, str | int]
    batch: Batch

    @property
    def columns(self) -> tuple[str, ...]:
        """The headings, in the order of the file."""
        return tuple(self.batch.frame.columns)


def look_at(table: Table) -> Look:
    """The first rows of an opened file. Raises UploadRefused."""
    parts: list[Batch] = []
    for batch in table.batches(table.columns):
        parts.append(batch)
        if sum(part.rows.len() for part in parts) >= ROWS:
            break
    if not parts:
        texts = pl.DataFrame(schema=dict.fromkeys(table.columns, pl.String))
        parts = [Batch(pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.String), texts)]
    return Look(
        dict(table.details),
        Batch(
            pl.concat([part.rows for part in parts]).head(ROWS),
            pl.concat([part.faults for part in parts]).head(ROWS),
            pl.concat([part.frame for part in parts], how="vertical_relaxed").head(ROWS),
        ),
    )


def keep(tenant_id: UUID, upload_id: UUID, look: Look) -> None:
    """Seal the look beside its file; one that was kept before is replaced."""
    frame = look.batch.frame.with_columns(
        look.batch.rows.alias(ROW), look.batch.faults.alias(FAULT)
    )
    body = io.BytesIO()
    frame.write_ipc_stream(body)
    head = json.dumps(look.details).encode() + b"\n"
    vault.store(tenant_id, upload_id, [head, body.getvalue()], draft=DRAFT)


def kept(tenant_id: UUID, upload_id: UUID) -> Look:
    """The look as it was kept; FileNotFoundError, InvalidTag."""
    with vault.opened(tenant_id, upload_id, draft=DRAFT) as file:
        head, _, body = file.read().partition(b"\n")
    frame = pl.read_ipc_stream(io.BytesIO(body))
    batch = Batch(frame[ROW], frame[FAULT], frame.drop(ROW, FAULT))
    return Look(json.loads(head), batch)


def forget(tenant_id: UUID, upload_id: UUID) -> None:
    """Destroy what was kept of an earlier look."""
    vault.path_of(tenant_id, upload_id, DRAFT).unlink(missing_ok=True)
