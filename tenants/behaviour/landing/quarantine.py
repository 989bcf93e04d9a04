"""Rows held back for want of consent: sealed under the subject's own key, with an end."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import polars as pl
from django.utils.timezone import now

from tenants.accounts.models import Tenant
from tenants.audit.actor import system
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.models import QuarantinedRow
from tenants.isolation.keys import seal, unseal
from tenants.isolation.scope import current_tenant, tenant_scope
from tenants.metering.meters import HELD
from tenants.metering.queries import amount_and_limits
from tenants.metering.record import today
from tenants.subjects.directory import keys_of

KEPT_FOR = timedelta(days=30)
# One row in ten of a month's events may wait at once: anybody who reads a public key in a page can
# send acts of people nobody has heard of, and must not fill the database with them.
SHARE = 10
# Which acts are held, as in `storing`.
HELD_ACTS = """select act from unnest(%(acts)s) as act
    cross join lateral (select from behaviour_quarantinedrow where dedup = act limit 1) as here"""
SEALED = ("item", "type_code", "occurred_at", "value", "quantity", "context")


def surely_has_room(rows: int) -> bool:
    """Whether that many rows can be held, by the meter alone, which counts rows that went, too.

    What is held was held in the last KEPT_FOR, so the meter over that time is never too low.
    """
    day = timedelta(days=1)
    held, limits = amount_and_limits([HELD], today() - KEPT_FOR - day, today() + day)
    return held + rows <= limits.events_per_month // SHARE


def room() -> int:
    """How many more rows can be held, counted. Two callers at once may both use it."""
    return max(most() - QuarantinedRow.objects.count(), 0)


def most() -> int:
    """How many rows may wait at once."""
    return Tenant.objects.get(pk=current_tenant()).limits.events_per_month // SHARE


def hold(rows: pl.DataFrame, codes: Mapping[int, str], upload_id: UUID) -> list[int]:
    """Quarantine rows (columns of `storing.STAGED`); the numbers of those held already.

    `codes` says per subject why they may not be stored; `upload_id` is what they came with, unless
    a column `upload` says it of each. Safe with concurrent callers, who go by one order and see
    what the other made.
    """
    if not rows.height:
        return []
    keys = keys_of(rows["subject"].unique())
    tenant_id, end = current_tenant(), now() + KEPT_FOR
    plain = rows.sort("dedup").with_columns(pl.col("occurred_at").dt.epoch("us"))
    QuarantinedRow.objects.bulk_create(
        [
            QuarantinedRow(
                subject_id=row["subject"],
                upload_id=UUID(row["upload"]) if "upload" in row else upload_id,
                row_no=row["row"],
                code=codes.get(row["subject"]) or "no_record",
                sealed=_sealed(keys[row["subject"]], tenant_id, row),
                withheld=row["withheld"][1:-1].split(",") if row["withheld"] else None,
                dedup=UUID(row["dedup"]),
                expires_at=end,
            )
            for row in plain.iter_rows(named=True)
        ],
        ignore_conflicts=True,
        batch_size=5000,
    )
    dedups = [UUID(text) for text in rows["dedup"]]
    uploads = [UUID(one) for one in rows["upload"].unique()] if "upload" in rows else [upload_id]
    ours = QuarantinedRow.objects.filter(dedup__in=dedups, upload_id__in=uploads)
    made = set(ours.values_list("dedup", "row_no"))
    return [row for row, dedup in zip(rows["row"], dedups, strict=True) if (dedup, row) not in made]


def _sealed(key: bytes, tenant_id: UUID, row: Mapping[str, Any]) -> bytes:
    plain = json.dumps([row[name] for name in SEALED]).encode()
    return seal(key, plain, b"quarantine" + tenant_id.bytes)


def opened(rows: list[QuarantinedRow]) -> pl.DataFrame:
    """Held rows in the clear, in the columns of `storing.STAGED`."""
    keys = keys_of({row.subject_id for row in rows})
    context = b"quarantine" + current_tenant().bytes
    values = []
    for row in rows:
        plain = unseal(keys[row.subject_id], bytes(row.sealed), context)
        told = json.loads(plain)
        told += [None] * (len(SEALED) - len(told))  # sealed before there was a context
        withheld = f"{{{','.join(row.withheld)}}}" if row.withheld else None
        values.append([row.pk, row.subject_id, *told, row.dedup.hex, withheld])
    schema = {
        "row": pl.Int64, "subject": pl.Int64, "item": pl.Int64, "type_code": pl.Int16,
        "occurred_at": pl.Int64, "value": pl.Float64, "quantity": pl.Float64,
        "context": pl.String, "dedup": pl.String, "withheld": pl.String,
    }  # fmt: skip
    frame = pl.DataFrame(values, schema=schema, orient="row")
    return frame.with_columns(pl.col("occurred_at").cast(pl.Datetime("us", "UTC")))


def expire(tenant_id: UUID) -> int:
    """Delete what nobody consented to in time; returns how many rows."""
    with tenant_scope(tenant_id):
        count, _ = QuarantinedRow.objects.filter(expires_at__lte=now()).delete()
        if count:
            record(AuditEvent.ROWS_EXPIRED, actor=system("quarantine"), details={"count": count})
    return count
