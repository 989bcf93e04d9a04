"""Storing cleaned events: one INSERT of those whose act is not here yet."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
from django.db import IntegrityError, transaction

from tenants.behaviour.models import DeletedAct
from tenants.isolation.binary_arrays import (
    BigInts,
    Doubles,
    Ints,
    Moments,
    SmallInts,
    Uuids,
    array_cursor,
)
from tenants.isolation.binary_copy import EPOCH, Array
from tenants.isolation.scope import current_tenant

# What is stored, and what was deleted for its person: neither is stored again. Each act is looked
# up by itself (`limit`), so that its key is used whatever the planner believes of a table that
# grows: for `= any` it read all events of the tenant.
STORED = """select act from unnest(%(acts)s) as act
    cross join lateral (select from behaviour_event where dedup = act limit 1) as here"""
GONE = """select act from unnest(%(acts)s) as act
    cross join lateral (select from behaviour_deletedact where dedup = act limit 1) as here"""
HERE = f"{STORED} union all {GONE}"
# Of a large batch only so many acts are looked up: a file that was sent before is found by any of
# them, and one that was not needs no look at each. What it misses makes the insert fail: from then
# on, for LATELY seconds, every act of the tenant is looked up first.
FEW, SAMPLE, LATELY = 5_000, 500, 600.0
# In the order of the arrays, which is one for all callers. `told` counts from 1 the few different
# contexts and arrays of withheld purposes that the rows have; 0 is neither.
STORE = """
insert into behaviour_event (tenant_id, occurred_at, subject_id, item_id, type, value, quantity,
    dedup, context, withheld, upload_id)
select %(tenant)s, e.occurred_at, e.subject, e.item, e.type, nullif(e.value, 'NaN'),
    nullif(e.quantity, 'NaN'), e.dedup, {told}, coalesce(e.upload, %(upload)s::uuid)
from unnest(%(occurred_at)s, %(subject)s, %(item)s, %(type)s, %(value)s, %(quantity)s, %(dedup)s,
    %(uploads)s{numbers})
    as e (occurred_at, subject, item, type, value, quantity, dedup, upload{number})
{join}
"""
NOTHING_TOLD = {"told": "null::jsonb, null::text[]", "numbers": "", "number": "", "join": ""}
TOLD = {
    "told": "t.context, t.withheld::text[]",
    "numbers": ", %(told)s",
    "number": ", told",
    "join": """left join unnest(%(contexts)s::jsonb[], %(withholds)s::text[]) with ordinality
        as t (context, withheld, number) on t.number = e.told
        order by e.subject, e.occurred_at, e.dedup""",
}
# How often others may store the same acts at the same moment before that is an error.
ATTEMPTS = 5


def store_events(rows: pl.DataFrame, upload_id: UUID | None) -> list[int]:
    """Insert events; the row numbers of those that were stored already.

    `rows` has row, subject, item, type_code, occurred_at, value, quantity, and `dedup`, the act's
    hash as 32 hexadecimal digits, each once; `context` is the text of a JSON object or null,
    `withheld` that of an array or null. They came with `upload_id`, unless a column `upload` says
    of each with what. Must run in a tenant's scope.
    """
    acts = rows["dedup"]
    for attempt in range(ATTEMPTS):
        here = acts_here(acts, question) if (question := _question(acts, attempt)) else []
        new = rows.filter(~pl.col("dedup").is_in(here)) if here else rows
        try:
            if new.height:
                with transaction.atomic():
                    _insert(new, upload_id)
            break
        except IntegrityError:  # stored before or by others since; the next look sees it
            _note_repeats()
            if attempt == ATTEMPTS - 1:
                raise
    return rows.filter(pl.col("dedup").is_in(here))["row"].to_list() if here else []


def acts_here(acts: pl.Series, question: str = HERE) -> list[str]:
    """Those of the acts that are stored, or must not be; both as hexadecimal digits."""
    if not acts.len():
        return []
    with array_cursor() as cursor:
        cursor.execute(question, {"acts": Uuids(act_bytes(acts))}, binary=True)
        return sorted({act.hex for (act,) in cursor})


def _question(acts: pl.Series, attempt: int) -> str | None:
    """What is to be asked of each act before it is stored; None where nothing can be here."""
    if attempt or _may_repeat(acts):
        return HERE
    return GONE if DeletedAct.objects.exists() else None


# Tenant -> when acts of it were last found stored.
_repeated: dict[UUID, float] = {}


def _may_repeat(acts: pl.Series) -> bool:
    """Whether each of the acts has to be looked up before it is stored."""
    if acts.len() <= FEW or time.monotonic() < _repeated.get(current_tenant(), -LATELY) + LATELY:
        return True
    if not acts_here(acts.gather_every(acts.len() // SAMPLE), STORED):
        return False
    _note_repeats()
    return True


def _note_repeats() -> None:
    if len(_repeated) >= FEW:
        _repeated.clear()
    _repeated[current_tenant()] = time.monotonic()


def act_bytes(digits: pl.Series) -> Array:
    """Hexadecimal digits as 16 bytes each."""
    return np.frombuffer(bytes.fromhex(digits.str.join("").item()), "V16")


def _insert(rows: pl.DataFrame, upload_id: UUID | None) -> None:
    rows = rows.sort("subject", "occurred_at", "dedup")  # at a fifth of what sorting costs there
    told, codes = _told(rows)
    words = TOLD if told else NOTHING_TOLD
    values: dict[str, Any] = {
        "tenant": current_tenant(),
        "upload": upload_id,
        "occurred_at": Moments(rows["occurred_at"].dt.epoch("us").to_numpy() - EPOCH),
        "subject": BigInts(rows["subject"].to_numpy()),
        "item": BigInts(rows["item"].to_numpy()),
        "type": SmallInts(rows["type_code"].to_numpy()),
        "value": Doubles(rows["value"].fill_null(float("nan")).to_numpy()),
        "quantity": Doubles(rows["quantity"].fill_null(float("nan")).to_numpy()),
        "dedup": Uuids(act_bytes(rows["dedup"])),
        # A shorter array is filled up with nulls.
        "uploads": Uuids(act_bytes(rows["upload"] if "upload" in rows else rows["dedup"].clear())),
    }
    if told:
        values["told"] = Ints(codes)
        values["contexts"], values["withholds"] = map(list, zip(*told, strict=True))
    with array_cursor() as cursor:
        cursor.execute(STORE.format(**words), values)


def _told(rows: pl.DataFrame) -> tuple[Sequence[tuple[str | None, str | None]], Array]:
    """The different pairs of context and withheld purposes, and for each row the number of its
    pair, from 1; 0 where it has neither.
    """
    pairs = rows.select("context", "withheld")
    if pairs.null_count().row(0) == (rows.height, rows.height):
        return [], np.zeros(rows.height, np.int32)
    told = pairs.filter(~pl.all_horizontal(pl.all().is_null())).unique().sort(pl.all())
    numbered = told.with_columns(number=pl.int_range(1, pl.len() + 1, dtype=pl.Int32))
    found = pairs.join(
        numbered, on=pairs.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    return list(told.iter_rows()), found["number"].fill_null(0).to_numpy()
