"""Freezing a snapshot: consented events only, hashed, with the record relied on per subject."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
from django.db import transaction

from tenants.audit.actor import Actor
from tenants.audit.canonical import leaf_hash
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.cleaning.personal_texts import for_training
from tenants.behaviour.types.event_types import stored_types
from tenants.behaviour.types.type_table import TypeTable
from tenants.consent.policy import policy_version
from tenants.errors import AppError
from tenants.isolation.binary_copy import Array
from tenants.subjects.suppression import keep_erasures_out
from training.jobs.allowed import EXCLUDED, PURPOSE, asked_of_training, whole_tenant
from training.jobs.grouping import label_params, write_groups
from training.jobs.models import DeclaredGroups, Snapshot, SnapshotSubject
from training.jobs.reading_back import event_frame, label_names, read_events

LEAST_EVENTS = 20

ITEMS = """copy (
    select id as item, title, text, nullif(category, '') as category, price,
        (extract(epoch from first_seen_at) * 1000000)::bigint as first_seen_at,
        nullif(case when %(items)s::text = 'category' then category
            when jsonb_typeof(attributes -> %(attribute)s::text) in ('string', 'number', 'boolean')
            then attributes ->> %(attribute)s::text end, '') as label
    from behaviour_item order by id
) to stdout (format csv, header)"""

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
    params = label_params(keys)
    columns = read_events(params)
    events = event_frame(columns, label_names(params))
    excluded = _excluded()
    if len(events) < LEAST_EVENTS:
        raise too_little(len(events))
    items = _read(ITEMS, ITEM_COLUMNS, params)
    types = stored_types()
    names = (*_write(folder, events, items, types), *write_groups(folder, events, items, keys))
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
        event_types=types.to_plain(),
        first_event_at=_moment(events["occurred_at"].min()),
        last_event_at=_moment(events["occurred_at"].max()),
    )
    SnapshotSubject.objects.bulk_create(
        _lineage(snapshot, events, columns["record_id"]), batch_size=5000
    )
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


def _write(
    folder: Path, events: pl.DataFrame, items: pl.DataFrame, known: TypeTable
) -> tuple[str, ...]:
    """Both files, as the engine's contract has them; their names."""
    types = pl.DataFrame(
        {
            "code": [kind.code for kind in known.types],
            "type": [kind.name for kind in known.types],
            "weight": [kind.weight for kind in known.types],
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


def _lineage(snapshot: Snapshot, events: pl.DataFrame, records: Array) -> list[SnapshotSubject]:
    """One row per subject: how many events, their hash, and the consent record relied on.

    `records` are the 16 bytes of each event's.
    """
    content = events.select("item", "code", "occurred_at").cast(pl.Int64).to_numpy()
    subjects = events["subject"].to_numpy()
    starts = np.flatnonzero(np.diff(subjects, prepend=subjects[0] - 1))
    ends = [*starts[1:], len(subjects)]
    return [
        SnapshotSubject(
            snapshot=snapshot,
            subject_id=int(subjects[start]),
            consent_record_id=UUID(bytes=records[start].tobytes()),
            events=int(end - start),
            content_hash=hashlib.sha256(content[start:end].tobytes()).digest(),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _moment(microseconds: Any) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
