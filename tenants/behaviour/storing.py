"""Storing cleaned events: COPY into a staging table, then one INSERT that counts an act once."""

from uuid import UUID

import polars as pl
from django.db import connection

from tenants.isolation.scope import current_tenant

# COPY straight into a table under row-level security is refused by PostgreSQL.
STAGE = """create temporary table staged_event (
    row bigint, subject bigint, item bigint, type smallint, occurred_at timestamptz,
    value float8, quantity float8, dedup uuid, context jsonb, withheld text[]) on commit drop"""

COPY = "copy staged_event from stdin (format csv)"

STORE = """
with stored as (
    insert into behaviour_event
        (tenant_id, occurred_at, subject_id, item_id, type, value, quantity, dedup, context,
        withheld, upload_id)
    select %(tenant)s, occurred_at, subject, item, type, value, quantity, s.dedup, context,
        withheld, %(upload)s
    from staged_event as s
    where not exists (select from behaviour_deletedact d where d.dedup = s.dedup)
    order by subject, occurred_at, dedup
    on conflict (tenant_id, dedup) do nothing
    returning dedup)
select s.row from staged_event s where not exists (
    select from stored where stored.dedup = s.dedup)
"""

STAGED = (
    "row", "subject", "item", "type_code", "occurred_at", "value", "quantity", "dedup", "context",
    "withheld",
)  # fmt: skip


def store_events(rows: pl.DataFrame, upload_id: UUID | None) -> list[int]:
    """Insert events; the row numbers of those that were stored already.

    `rows` has the columns STAGED; `dedup` is the act's hash as 32 hexadecimal digits, `context` the
    text of a JSON object or null, `withheld` that of an array or null. Must run in a tenant's
    scope: the staging table lives until its transaction ends.
    """
    if not rows.height:
        return []
    text = rows.select(STAGED).write_csv(
        include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.6f+00"
    )
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists pg_temp.staged_event")
        cursor.execute(STAGE)
        with cursor.copy(COPY) as copy:
            copy.write(text)
        cursor.execute(STORE, {"tenant": current_tenant(), "upload": upload_id})
        return [row for (row,) in cursor.fetchall()]
