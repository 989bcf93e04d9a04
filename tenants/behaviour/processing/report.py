"""The report of an upload: what became of every row, in counts, codes and row numbers only.

It holds no value of a row. A report that does not add up cannot be made.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from tenants.behaviour.cleaning.personal_texts import counted, kinds_by_row
from tenants.behaviour.cleaning.sifting import FIRST_ROWS, Cleaned
from tenants.behaviour.columns.mapping import Plan

BUCKETS = ("duplicate", "quarantined", "rejected")
# Codes of rows that were taken before.
DUPLICATES = ("duplicate", "cancellation_again")
TIME_COLUMNS = ("occurred_at", "event_time")


class ReportDoesNotAddUp(ValueError):
    """A row would be lost or counted twice: an error in the program, never in the file."""


@dataclass(frozen=True)
class Outcome:
    """How many rows ended with one code, and the numbers of the first of them."""

    bucket: str
    code: str
    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """received = accepted + the counts of all outcomes; raises ReportDoesNotAddUp otherwise.

    `steps` are the codes of the chain in its order, also those that met no row. `first_time` and
    `last_time` (UTC) span the accepted rows. `details` is what the reader found out about the
    file, `plan` the mapping and the options in force. `personal` says in how many accepted rows a
    text looks as if it held personal data, by kind; `texts` what `item_texts` counts.
    """

    received: int
    accepted: int
    outcomes: tuple[Outcome, ...] = ()
    steps: tuple[str, ...] = ()
    first_time: datetime | None = None
    last_time: datetime | None = None
    items_created: int = 0
    subjects_seen: int = 0
    details: Mapping[str, str | int] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    personal: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ended = sum(one.count for one in self.outcomes)
        if self.received != self.accepted + ended or self.accepted < 0:
            raise ReportDoesNotAddUp(
                f"{self.received} received, {self.accepted} accepted, {ended} ended otherwise"
            )
        for one in self.outcomes:
            if one.bucket not in BUCKETS or len(one.first_rows) != min(one.count, FIRST_ROWS):
                raise ReportDoesNotAddUp(f"{one.bucket} {one.code}: {one.count} rows")
        if len({(one.bucket, one.code) for one in self.outcomes}) != len(self.outcomes):
            raise ReportDoesNotAddUp("an outcome stands twice")

    def count(self, bucket: str) -> int:
        """Rows in one bucket: duplicate, quarantined or rejected."""
        return sum(one.count for one in self.outcomes if one.bucket == bucket)

    def to_plain(self) -> dict[str, Any]:
        """The report as JSON-able values."""
        return {
            "received": self.received,
            "accepted": self.accepted,
            **{bucket: self.count(bucket) for bucket in BUCKETS},
            "outcomes": [
                {**asdict(one), "first_rows": list(one.first_rows)} for one in self.outcomes
            ],
            "steps": list(self.steps),
            "first_time": self.first_time.isoformat() if self.first_time else None,
            "last_time": self.last_time.isoformat() if self.last_time else None,
            "items_created": self.items_created,
            "subjects_seen": self.subjects_seen,
            "details": dict(self.details),
            "plan": dict(self.plan),
            "personal": dict(self.personal),
            "texts": dict(self.texts),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Report":
        """The report out of its JSON values; raises ReportDoesNotAddUp."""
        return cls(
            received=plain["received"],
            accepted=plain["accepted"],
            outcomes=tuple(
                Outcome(one["bucket"], one["code"], one["count"], tuple(one["first_rows"]))
                for one in plain["outcomes"]
            ),
            steps=tuple(plain["steps"]),
            first_time=moment(plain["first_time"]),
            last_time=moment(plain["last_time"]),
            items_created=plain["items_created"],
            subjects_seen=plain["subjects_seen"],
            details=plain["details"],
            plan=plain["plan"],
            # Reports from before have none.
            personal=plain.get("personal", {}),
            texts=plain.get("texts", {}),
        )


def moment(text: str | None) -> datetime | None:
    """A time as the plain report writes it."""
    return datetime.fromisoformat(text) if text else None


Withheld = Mapping[tuple[str, str], Sequence[int] | pl.Series]


def batch_report(
    cleaned: Cleaned,
    *,
    withheld: Withheld | None = None,
    personal: pl.DataFrame | None = None,
    texts: Mapping[str, int] | None = None,
) -> Report:
    """The report of one batch; `personal` is `kinds_by_row` of its rows, where it is at hand, and
    `texts` what `item_texts` counted in them.

    `withheld` are accepted rows that the caller ends otherwise: (bucket, code) -> row numbers,
    such as ("quarantined", "no_record") or ("duplicate", "already_stored"). Raises
    ReportDoesNotAddUp when one of them was not accepted or is named twice.
    """
    held = {key: pl.Series(rows, dtype=pl.Int64).sort() for key, rows in (withheld or {}).items()}
    ended = pl.concat([pl.Series(dtype=pl.Int64), *held.values()])
    if ended.n_unique() != ended.len() or not ended.is_in(cleaned.rows["row"].implode()).all():
        raise ReportDoesNotAddUp("a withheld row was not accepted or is withheld twice")
    left = cleaned.rows.filter(~pl.col("row").is_in(ended.implode()))
    first, last = time_range(left)
    return Report(
        received=cleaned.received,
        accepted=left.height,
        outcomes=(
            *(Outcome(bucket_of(code), code, count, cleaned.first_rows(code))
              for code, count in cleaned.counts().items()),
            *(Outcome(bucket, code, rows.len(), tuple(rows.head(FIRST_ROWS)))
              for (bucket, code), rows in held.items() if rows.len()),
        ),
        steps=cleaned.steps,
        first_time=first,
        last_time=last,
        personal=counted(kinds_by_row(left) if personal is None else personal, left),
        texts=dict(texts or {}),
    )  # fmt: skip


def bucket_of(code: str) -> str:
    """Where a code of the cleaning chain counts."""
    return "duplicate" if code in DUPLICATES else "rejected"


def time_range(rows: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    """The first and last time of the rows, if they have one."""
    for name in TIME_COLUMNS:
        if name in rows.columns and rows.height:
            first, last = rows.select(pl.col(name).min(), pl.col(name).max().alias("last")).row(0)
            return first, last
    return None, None


def merge_reports(reports: Iterable[Report]) -> Report:
    """The batches of one file as one report, in the order of the file.

    Raises ReportDoesNotAddUp when a part is already complete: subjects cannot be added up.
    """
    parts = list(reports)
    if any(part.subjects_seen or part.plan for part in parts):
        raise ReportDoesNotAddUp("a complete report cannot be merged")
    moments = [part for part in parts if part.first_time and part.last_time]
    steps = tuple(dict.fromkeys(code for part in parts for code in part.steps))
    return Report(
        received=sum(part.received for part in parts),
        accepted=sum(part.accepted for part in parts),
        outcomes=tuple(
            sorted(merge_outcomes(parts), key=lambda one: (*rank(one, steps), one.bucket, one.code))
        ),
        steps=steps,
        first_time=min((part.first_time for part in moments if part.first_time), default=None),
        last_time=max((part.last_time for part in moments if part.last_time), default=None),
        items_created=sum(part.items_created for part in parts),
        personal=dict(sum((Counter(part.personal) for part in parts), Counter())),
        texts=added_up([part.texts for part in parts]),
    )


def added_up(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by name, those of nothing too."""
    whole: dict[str, int] = {}
    for part in counts:
        for name, count in part.items():
            whole[name] = whole.get(name, 0) + count
    return whole


def rank(outcome: Outcome, steps: tuple[str, ...]) -> tuple[bool, int]:
    """The chain's own outcomes first, in its order; then those the caller added."""
    own = outcome.bucket == bucket_of(outcome.code) and outcome.code in steps
    return (not own, steps.index(outcome.code) if own else 0)


def merge_outcomes(parts: Sequence[Report]) -> list[Outcome]:
    """Counts added up, the smallest row numbers kept."""
    found: dict[tuple[str, str], Outcome] = {}
    for one in (one for part in parts for one in part.outcomes):
        known = found.get((one.bucket, one.code), Outcome(one.bucket, one.code, 0, ()))
        found[one.bucket, one.code] = replace(
            known,
            count=known.count + one.count,
            first_rows=tuple(sorted((*known.first_rows, *one.first_rows))[:FIRST_ROWS]),
        )
    return list(found.values())


def complete_report(
    report: Report,
    *,
    plan: Plan,
    details: Mapping[str, str | int],
    items_created: int,
    subjects_seen: int,
) -> Report:
    """The whole file's report with what only the caller knows, and the options in force."""
    return replace(
        report,
        plan=plan.to_plain(),
        details=dict(details),
        items_created=items_created,
        subjects_seen=subjects_seen,
    )
