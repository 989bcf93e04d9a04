"""Freezing a snapshot: consented events only, hashed, with the record relied on per subject."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
from django.db import connection, transaction

from tenants.audit.actor import Actor
from tenants.audit.canonical import leaf_hash
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.personal_texts import for_training
from tenants.behaviour.schema import EVENT_TYPES
from tenants.consent.policy import policy_version, purposes_of
from tenants.consent.vocabulary import PURPOSE_OF, Use
from tenants.errors import AppError
from tenants.subjects.suppression import keep_erasures_out
from training.jobs.grouping import label_params, write_groups
from training.jobs.models import DeclaredGroups, Snapshot, SnapshotSubject

PURPOSE = PURPOSE_OF[Use.TRAINING]
LEAST_EVENTS = 20

# A subject is in when their consent is in force at this moment, for every purpose that the tenant's
# table asks of training; a notice may say that only what came after the consent counts, an event
# that it is not for this, and the subject may have taken items out of their profile. The one
# transaction makes events and consents agree.
ALLOWED = """
from behaviour_event e
left join consent_consentstate s
    on s.tenant_id = e.tenant_id and s.subject_id = e.subject_id and s.purpose = '{purpose}'
left join consent_consentrecord r on r.tenant_id = s.tenant_id and r.id = s.record_id
left join consent_notice n on n.tenant_id = r.tenant_id and n.id = r.notice_id
left join (
    select x.subject_id, x.item_id from rights_profileremoval x where x.item_id is not null
    union
    select x.subject_id, i.id from rights_profileremoval x
        join behaviour_item i on i.tenant_id = x.tenant_id and i.category = x.category
        where x.category <> ''
) removed on removed.subject_id = e.subject_id and removed.item_id = e.item_id
"""
IN_FORCE = """(s.state = 'given' and s.valid_from <= statement_timestamp()
    and (s.expires_at is null or s.expires_at > statement_timestamp()))"""
IN_TIME = "(not coalesce(n.later_events_only, false) or e.occurred_at >= s.valid_from)"
IN_PROFILE = "(removed.item_id is null)"
NOT_WITHHELD = "not coalesce(e.withheld && array[{purposes}]::text[], false)"
# One such condition for each further purpose.
TOO = """exists (select from consent_consentstate o
    left join consent_consentrecord q on q.tenant_id = o.tenant_id and q.id = o.record_id
    left join consent_notice m on m.tenant_id = q.tenant_id and m.id = q.notice_id
    where o.tenant_id = e.tenant_id and o.subject_id = e.subject_id and o.purpose = '{other}'
        and o.state = 'given' and o.valid_from <= statement_timestamp()
        and (o.expires_at is null or o.expires_at > statement_timestamp())
        and (not coalesce(m.later_events_only, false) or e.occurred_at >= o.valid_from))"""
USABLE = f"({IN_FORCE} and {IN_TIME} and {IN_PROFILE} and {NOT_WITHHELD} and {{others}})"

EVENTS = f"""copy (
    select e.subject_id as subject, e.item_id as item, e.type as code,
        (extract(epoch from e.occurred_at) * 1000000)::bigint as occurred_at,
        e.value, e.quantity, s.record_id, nullif(e.context ->> %(subjects)s::text, '') as label
    {ALLOWED} where {USABLE}
    order by e.subject_id, e.occurred_at, e.id
) to stdout (format csv, header)"""  # nosec B608 # constants of this file alone

EXCLUDED = f"""
select case when s.state is null then 'no_record'
            when s.state <> 'given' then s.code
            when s.expires_at is not null and s.expires_at <= statement_timestamp() then 'expired'
            when removed.item_id is not null then 'removed'
            when not ({{others}}) then 'purpose_missing'
            when not ({NOT_WITHHELD}) then 'event_withholds'
            else 'before_consent' end as code, count(*)
{ALLOWED} where not coalesce({USABLE}, false) group by 1"""

COUNTS = f"""
select count(*), count(distinct e.subject_id), count(distinct e.item_id)
{ALLOWED} where {USABLE}"""  # nosec B608 # constants of this file alone

ITEMS = """copy (
    select id as item, title, text, nullif(category, '') as category, price,
        (extract(epoch from first_seen_at) * 1000000)::bigint as first_seen_at,
        nullif(case when %(items)s::text = 'category' then category
            when jsonb_typeof(attributes -> %(attribute)s::text) in ('string', 'number', 'boolean')
            then attributes ->> %(attribute)s::text end, '') as label
    from behaviour_item order by id
) to stdout (format csv, header)"""

EVENT_COLUMNS = {
    "subject": pl.Int64,
    "item": pl.Int64,
    "code": pl.Int16,
    "occurred_at": pl.Int64,
    "value": pl.Float32,
    "quantity": pl.Float32,
    "record_id": pl.String,
    "label": pl.String,
}
ITEM_COLUMNS = {
    "item": pl.Int64,
    "title": pl.String,
    "text": pl.String,
    "category": pl.String,
    "price": pl.Float32,
    "first_seen_at": pl.Int64,
    "label": pl.String,
}


class ErasedMeanwhile(Exception):
    """Somebody whose events were read has been erased since."""


def freeze(folder: Path, *, actor: Actor) -> Snapshot:
    """Write `events.parquet`, `items.parquet` and the files of declared groups into `folder`, and
    record what is in them. Inside a transaction that has written to no snapshot and no job yet:
    an erasure that it may have to wait for locks these.

    AppError too_little_data when consent leaves fewer than LEAST_EVENTS events.
    """
    try:
        with transaction.atomic():
            return _freeze(folder, actor)
    except ErasedMeanwhile:
        # Once more, and now erasures wait from the start, so that this has an end.
        keep_erasures_out()
        return _freeze(folder, actor)


def _freeze(folder: Path, actor: Actor) -> Snapshot:
    keys = DeclaredGroups.objects.first() or DeclaredGroups()
    events = _read(asked_of_training(EVENTS), EVENT_COLUMNS, label_params(keys))
    excluded = _excluded()
    if len(events) < LEAST_EVENTS:
        raise too_little(len(events))
    items = _read(ITEMS, ITEM_COLUMNS, label_params(keys))
    names = (*_write(folder, events, items), *write_groups(folder, events, items, keys))
    files = {name: _fingerprint(folder / name) for name in names}
    snapshot = Snapshot.objects.create(
        purpose=PURPOSE.value,
        policy_version=policy_version(),
        sha256=leaf_hash({"files": files}),
        files=files,
        events=len(events),
        subjects=events["subject"].n_unique(),
        items=events["item"].n_unique(),
        excluded=excluded,
        first_event_at=_moment(events["occurred_at"].min()),
        last_event_at=_moment(events["occurred_at"].max()),
    )
    SnapshotSubject.objects.bulk_create(_lineage(snapshot, events), batch_size=5000)
    _refuse_erased(snapshot)
    record(
        AuditEvent.SNAPSHOT_FROZEN,
        actor=actor,
        object_id=snapshot.public_id,
        purpose=PURPOSE.value,
        policy_version=snapshot.policy_version,
        details={
            "sha256": bytes(snapshot.sha256).hex(),
            "events": snapshot.events,
            "subjects": snapshot.subjects,
            "excluded": excluded,
            "purpose": PURPOSE.value,
        },
    )
    return snapshot


def _refuse_erased(snapshot: Snapshot) -> None:
    """ErasedMeanwhile when an erasure that could not see these rows has ended; one that begins
    later waits until they are committed, and finds them."""
    keep_erasures_out()
    members = SnapshotSubject.objects.filter(snapshot=snapshot)
    if members.filter(subject__erased_at__isnull=False).exists():
        raise ErasedMeanwhile


def too_little(events: int) -> AppError:
    """The refusal of a tenant whose consented data cannot train anything."""
    return AppError(
        "too_little_data",
        f"Only {events} events may be used for training; {LEAST_EVENTS} are needed.",
        params={"events": events, "needed": LEAST_EVENTS},
    )


def asked_of_training(question: str) -> str:
    """A question of this module with the purposes that the tenant's table asks of training."""
    purposes = purposes_of(Use.TRAINING)
    return question.format(
        purpose=PURPOSE.value,
        purposes=", ".join(f"'{each.value}'" for each in purposes),
        others=" and ".join(TOO.format(other=each.value) for each in purposes[1:]) or "true",
    )


@contextmanager
def whole_tenant() -> Iterator[Any]:
    """A cursor for questions that read all of a tenant's rows: they never join by nested loops.

    Right after a large upload the planner may still believe that the tables are empty, and nested
    loops over what is not would take hours.
    """
    with connection.cursor() as cursor:
        cursor.execute("set local enable_nestloop = off")
        yield cursor
        cursor.execute("set local enable_nestloop = on")


def _read(query: str, columns: dict[str, Any], params: dict[str, str | None]) -> pl.DataFrame:
    """The rows of a COPY, read through row-level security, never through the ORM."""
    parts: list[bytes] = []
    with whole_tenant() as cursor, cursor.copy(query, params) as copy:
        parts.extend(bytes(part) for part in copy)
    return pl.read_csv(b"".join(parts), schema=columns)


def _excluded() -> dict[str, int]:
    with whole_tenant() as cursor:
        cursor.execute(asked_of_training(EXCLUDED))
        return {code or "no_record": count for code, count in cursor.fetchall()}


def _write(folder: Path, events: pl.DataFrame, items: pl.DataFrame) -> tuple[str, ...]:
    """Both files, as the engine's contract has them; their names."""
    types = pl.DataFrame(
        {
            "code": [kind.code for kind in EVENT_TYPES],
            "type": [kind.name for kind in EVENT_TYPES],
            "weight": [kind.weight for kind in EVENT_TYPES],
        },
        schema={"code": pl.Int16, "type": pl.String, "weight": pl.Float32},
    )
    time = pl.col("occurred_at").cast(pl.Datetime("us", "UTC"))
    frames = {
        "events.parquet": events.join(types, on="code", how="left", maintain_order="left")
        .with_columns(time)
        .select("subject", "item", "type", "occurred_at", "weight", "value", "quantity"),
        "items.parquet": items.with_columns(
            pl.col("first_seen_at").cast(pl.Datetime("us", "UTC")),
            pl.col("title", "text").fill_null("").map_batches(for_training, return_dtype=pl.String),
        ).drop("label"),
    }
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, frame in frames.items():
        frame.write_parquet(folder / name, compression="zstd")
    return tuple(frames)


def _fingerprint(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return {"sha256": digest.hexdigest(), "bytes": path.stat().st_size}


def _lineage(snapshot: Snapshot, events: pl.DataFrame) -> list[SnapshotSubject]:
    """One row per subject: how many events, their hash, and the consent record relied on."""
    content = events.select("item", "code", "occurred_at").cast(pl.Int64).to_numpy()
    subjects = events["subject"].to_numpy()
    starts = np.flatnonzero(np.diff(subjects, prepend=subjects[0] - 1))
    ends = [*starts[1:], len(subjects)]
    records = events["record_id"]
    return [
        SnapshotSubject(
            snapshot=snapshot,
            subject_id=int(subjects[start]),
            consent_record_id=UUID(records[int(start)]),
            events=int(end - start),
            content_hash=hashlib.sha256(content[start:end].tobytes()).digest(),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _moment(microseconds: Any) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
