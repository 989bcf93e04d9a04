"""Check the shape of uploaded consent records, row by row.

What a record means (which notice, which state follows) is the consent app's; the words it knows
come in as arguments. A record that ends consent needs less than one that grants it: only who,
what for, what happened and when.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tenants.behaviour.cleaning.event_cleaning import EARLIEST
from tenants.behaviour.cleaning.sifting import (
    FAULT_STEPS,
    ID_LENGTH,
    Cleaned,
    Rules,
    Seen,
    Step,
    controls,
    given,
    is_repeated,
    lies_ahead,
    longer,
    read_times,
    sift,
    with_keys,
)
from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.columns.parsing import flags, ids, lists, texts, words
from tenants.behaviour.columns.schema import CONSENTS
from tenants.behaviour.reading.tables import Batch


@dataclass(frozen=True)
class ConsentWords:
    """The words allowed; `granting` are the events that allow something, a part of `events`."""

    purposes: frozenset[str]
    events: frozenset[str]
    granting: frozenset[str]
    lawful_bases: frozenset[str]


@dataclass(frozen=True)
class ConsentRow:
    """One consent record as a file states it; times are UTC, None where nothing was given."""

    row: int
    user_id: str
    purpose: str
    event: str
    event_time: datetime
    lawful_basis: str | None
    notice_id: str | None
    notice_version: str | None
    notice_lang: str | None
    notice_sha256: str | None
    collection_method: str | None
    ui_variant: str | None
    jurisdiction: str | None
    jurisdiction_source: str | None
    expires_at: datetime | None
    retention_until: datetime | None
    age_band: str | None
    record_id: str | None
    guardian_record_id: str | None
    supersedes: str | None
    pii_categories: tuple[str, ...]
    sensitive: bool | None
    evidence: str | None
    recipients: tuple[str, ...]
    storage_country: str | None
    transfer_mechanism: str | None
    withdrawal_method: str | None


def named(type_: str) -> tuple[str, ...]:
    """Our columns of one type."""
    return tuple(column.name for column in CONSENTS.columns if column.type == type_)


IDS, WORDS, TEXTS, LISTS, TIMES = map(named, ("id", "word", "text", "list", "time"))
CONSENT_COLUMNS = ("row", *(column.name for column in CONSENTS.columns))
PLACES = ("jurisdiction", "storage_country")
TEXT_LENGTH = 20_000
# What can be read and has no date: the last day of 9999 in the west, microseconds of long ago.
CALENDAR = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
LENGTHS = {**dict.fromkeys((*IDS, *WORDS), ID_LENGTH),
           **dict.fromkeys((*TEXTS, *LISTS), TEXT_LENGTH)}  # fmt: skip


def shaped(name: str, pattern: str) -> pl.Expr:
    """Whether something is given that does not have the shape."""
    return ~pl.col(name).str.contains(pattern)


def stranger(name: str, known: frozenset[str]) -> pl.Expr:
    """Whether something is given that is not among the known words."""
    return ~pl.col(name).is_in(sorted(known))


def bad_moment(name: str) -> pl.Expr:
    """Whether a later date is given that cannot be read or kept, or does not say its zone."""
    unkept = pl.col(name).is_null() | ~pl.col(name).is_between(*CALENDAR)
    return pl.col(f"{name}_given") & (unkept | ~pl.col(f"{name}_zoned"))


def consent_steps(known: ConsentWords) -> tuple[Step, ...]:
    """The chain for consent records with these words."""
    grants = pl.col("event").is_in(sorted(known.granting))
    conditions: tuple[tuple[str, pl.Expr], ...] = (
        ("control_character", controls((*IDS, *WORDS), (*TEXTS, *LISTS))),
        ("missing_user", pl.col("user_id").is_null()),
        ("missing_purpose", pl.col("purpose").is_null()),
        ("unknown_purpose", stranger("purpose", known.purposes)),
        ("missing_event", pl.col("event").is_null()),
        ("unknown_event", stranger("event", known.events)),
        ("missing_time", ~pl.col("event_time_given")),
        ("bad_time", pl.col("event_time").is_null() | (pl.col("event_time") < EARLIEST)),
        ("time_without_zone", ~pl.col("event_time_zoned")),
    )
    details: tuple[tuple[str, pl.Expr], ...] = (
        ("missing_lawful_basis", grants & pl.col("lawful_basis").is_null()),
        ("unknown_lawful_basis", stranger("lawful_basis", known.lawful_bases)),
        ("missing_notice",
         grants & (pl.col("notice_id").is_null() | pl.col("notice_version").is_null())),
        ("missing_collection_method", grants & pl.col("collection_method").is_null()),
        ("missing_jurisdiction", grants & pl.col("jurisdiction").is_null()),
        ("bad_hash", shaped("notice_sha256", r"^[0-9a-f]{64}$")),
        ("bad_place", shaped("jurisdiction", r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
         | shaped("storage_country", r"^[A-Z]{2}$").fill_null(False)),
        ("bad_expiry", bad_moment("expires_at") | bad_moment("retention_until")),
        ("bad_flag", pl.col("flag") == -1),
        ("id_too_long", longer(dict.fromkeys((*IDS, *WORDS), ID_LENGTH))),
        ("text_too_long", longer(dict.fromkeys((*TEXTS, *LISTS), TEXT_LENGTH))),
    )  # fmt: skip
    return (
        *FAULT_STEPS,
        *(Step(code, condition) for code, condition in conditions),
        Step("future_time", lies_ahead("event_time")),
        *(Step(code, condition) for code, condition in details),
        Step("duplicate", is_repeated),
    )


def clean_consents(
    batch: Batch, plan: Plan, known: ConsentWords, *, now: datetime, earlier: Seen | None = None
) -> Cleaned:
    """Check one batch of consent records; `rows` has CONSENT_COLUMNS, see `consent_rows`.

    A time must say its zone (PIPL and GDPR ask for proof of when; a clock without a place proves
    nothing). Lists are List(String). Exact repetitions are duplicates. Raises UploadRefused
    inexact_ids.
    """
    rules = Rules(plan.options, now, earlier or Seen.nothing())
    typed = typed_consents(batch, plan)
    cleaned = sift(typed, consent_steps(known), rules, CONSENT_COLUMNS)
    split = cleaned.rows.with_columns(*(lists(cleaned.rows[name]) for name in LISTS))
    return Cleaned(split, cleaned.marks, cleaned.received, cleaned.steps, cleaned.seen)


def typed_consents(batch: Batch, plan: Plan) -> pl.DataFrame:
    """The batch in our columns and types, nothing left out yet."""
    read: dict[str, pl.Series] = {"row": batch.rows, "fault": batch.faults}
    for names, parse in ((IDS, ids), (WORDS, words), (TEXTS, texts), (LISTS, texts)):
        read |= {name: parse(given(batch, plan, name)) for name in names}
    read |= {name: read[name].str.to_uppercase() for name in PLACES}
    for name in TIMES:
        moments = read_times(batch, plan, name)
        read |= {
            name: moments.moment.dt.offset_by(f"{plan.options.shift_weeks}w"),
            f"{name}_given": moments.given,
            f"{name}_zoned": moments.zoned,
        }
    flag = flags(given(batch, plan, "sensitive"))
    read["flag"] = flag
    read["sensitive"] = flag.set((flag < 0).fill_null(False), None).cast(pl.Boolean)
    return with_keys(pl.DataFrame(read), CONSENT_COLUMNS[1:])


def consent_rows(cleaned: Cleaned) -> list[ConsentRow]:
    """The accepted rows of `clean_consents` as plain records."""
    return [consent_row(row) for row in cleaned.rows.iter_rows(named=True)]


def consent_row(row: dict[str, Any]) -> ConsentRow:
    """One accepted row as a plain record."""
    return ConsentRow(**{**row, **{name: tuple(row[name]) for name in LISTS}})
