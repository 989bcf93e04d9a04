"""Rejected rows as they came, kept for a week so that they can be repaired and sent again.

They hold raw ids, also of people nobody has heard of, so they are sealed under the tenant's files
key. Nobody can see in them whom they name: an erasure destroys all that were kept before it
(`tenants.erasure.reaching`), and of people who were erased already no row is kept. Of each reason
an upload keeps MOST_OF_CODE rows, so that a frequent one does not hide the others.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

import polars as pl
from cryptography.exceptions import InvalidTag
from django.db import transaction
from django.http import HttpResponse

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.cleaning.sifting import CODES, Cleaned, unescaped
from tenants.behaviour.columns.mapping import REPAIRED, Plan
from tenants.behaviour.columns.parsing import ids
from tenants.behaviour.models import RejectedRows, Upload
from tenants.behaviour.reading.tables import Batch
from tenants.behaviour.wording import outcome_text
from tenants.csv_cells import csv_line
from tenants.errors import NotFound
from tenants.isolation.keys import seal, tenant_key, tenant_keys, unseal_with
from tenants.isolation.scope import current_tenant
from tenants.subjects.suppression import erased, keep_erasures_out

MOST_OF_CODE = 2_000
MOST_BYTES = 16 << 20  # of one upload, in the clear
# They took effect, name somebody who was erased, or hold lines of others in one cell: no row to
# repair.
NOT_KEPT = ("cancellation", "erased", "unclosed_quote")
HEADINGS = (REPAIRED, "attune_code", "attune_reason")


def ended_rejected(
    cleaned: Cleaned, withheld: Mapping[tuple[str, str], Iterable[int]]
) -> pl.DataFrame:
    """The rejected rows of a batch (Int64 row, String code), those that landing ended, too."""
    told = [
        (row, code)
        for (bucket, code), rows in withheld.items()
        if bucket == "rejected"
        for row in rows
    ]
    own = cleaned.marks.filter(~pl.col("code").is_in(["duplicate", "cancellation_again"]))
    return pl.concat([own, pl.DataFrame(told, schema=CODES, orient="row")]).sort("row")


def keep_rejected(
    upload: Upload, number: int, batch: Batch, plan: Plan, ended: pl.DataFrame
) -> None:
    """Keep the batch's rejected rows, as far as there is room. In the transaction of the batch."""
    ended = ended.filter(~pl.col("code").is_in(NOT_KEPT))
    if ended.is_empty():
        return
    keep_erasures_out()  # one that is under way would not see what is kept here
    kept = RejectedRows.objects.filter(upload=upload)
    counts, size = Counter[str](), 0
    for codes, length in kept.values_list("codes", "bytes"):
        counts.update(codes)
        size += length
    room = {code: MOST_OF_CODE - counts[code] for code in ended["code"].unique()}
    place = pl.int_range(1, pl.len() + 1).over("code")
    ended = ended.filter(place <= pl.col("code").replace_strict(room, return_dtype=pl.Int64))
    if ended.is_empty() or size >= MOST_BYTES:
        return
    rows = ended.join(_cells(_only(batch, ended["row"]), plan), on="row", how="left",
                      maintain_order="left")  # fmt: skip
    if (column := plan.mapping.get("user_id")) is not None:
        rows = _without_erased(rows, f"{batch.frame.columns.index(column)}")
    plain = _plain(batch, rows)
    while size + len(plain) > MOST_BYTES and rows.height:
        rows = rows.head(rows.height // 2)
        plain = _plain(batch, rows)
    if not rows.height:
        return
    RejectedRows.objects.create(
        upload=upload,
        batch=number,
        codes=dict(rows["code"].value_counts().iter_rows()),
        bytes=len(plain),
        sealed=sealed_cells(upload.id, plain),
    )


def sealed_cells(upload_id: UUID, plain: bytes) -> bytes:
    """What `RejectedRows.sealed` holds of a JSON object with columns and rows."""
    key = tenant_key(current_tenant(), "files")
    return seal(key, zlib.compress(plain), _context(upload_id))


def _plain(batch: Batch, rows: pl.DataFrame) -> bytes:
    return json.dumps({"columns": batch.frame.columns, "rows": rows.rows()}).encode()


def _only(batch: Batch, rows: pl.Series) -> Batch:
    """The rows with these numbers."""
    wanted = batch.rows.is_in(rows.implode())
    return Batch(batch.rows.filter(wanted), batch.faults.filter(wanted), batch.frame.filter(wanted))


def _cells(batch: Batch, plan: Plan) -> pl.DataFrame:
    """The cells as texts beside their `row`; by numbers, for a file may have a heading `row`.

    One that holds a line break is left empty: a quote in the wrong place may have brought other
    people's lines into it.
    """
    columns = (unescaped(column, plan).cast(pl.String, strict=False) for column in batch.frame)
    numbered = (
        column.set(column.str.contains(r"[\r\n]"), None).alias(f"{number}")
        for number, column in enumerate(columns)
    )
    return pl.DataFrame([batch.rows.alias("row"), *numbered])


def _without_erased(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Without those who were erased, by the column of their ids; rows that name nobody stay."""
    names = ids(rows[column])
    gone = list(erased(names.drop_nulls().unique()))
    return rows.filter(~names.is_in(gone).fill_null(False)) if gone else rows


@transaction.atomic
def rejected_file(*, upload: Upload, actor: Actor) -> bytes:
    """The kept rows as a CSV file that can be repaired and sent again, with reasons in the active
    language. NotFound when none are kept, or no key opens them any longer.
    """
    kept = list(RejectedRows.objects.filter(upload=upload).order_by("batch"))
    if not kept:
        raise NotFound("rejected rows")
    record(
        AuditEvent.REJECTED_ROWS_FETCHED,
        actor=actor,
        object_id=upload.public_id,
        details={"counts": dict(sum((Counter(one.codes) for one in kept), Counter()))},
    )
    try:
        return b"".join(_lines(upload, kept))
    except InvalidTag:
        raise NotFound("rejected rows") from None


def csv_reply(upload: Upload, content: bytes) -> HttpResponse:
    """The file as an answer to a browser or a program; it is kept by neither."""
    reply = HttpResponse(content, content_type="text/csv; charset=utf-8")
    reply["Content-Disposition"] = f'attachment; filename="{upload.public_id}-rejected.csv"'
    return reply


def _lines(upload: Upload, kept: list[RejectedRows]) -> Iterator[bytes]:
    keys = tenant_keys(current_tenant(), "files")
    yield b"\xef\xbb\xbf"  # so that a spreadsheet reads it as UTF-8
    for number, one in enumerate(kept):
        plain = zlib.decompress(unseal_with(keys, bytes(one.sealed), _context(upload.id)))
        told = json.loads(plain)
        if number == 0:
            yield csv_line((*HEADINGS, *told["columns"]))
        for row, code, *cells in told["rows"]:
            yield csv_line((row, code, outcome_text("rejected", code), *cells))


def _context(upload_id: UUID) -> bytes:
    return b"rejected" + current_tenant().bytes + upload_id.bytes
