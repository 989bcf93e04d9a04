"""What an event says of consent itself: it narrows what is recorded and never widens it.

`purposes` are the only ones it may be used for, `withheld` those it may not. A consent record that
it names, by id or by purpose and time, must be one of its person; the ledger alone says what that
is worth. Runs in a tenant's scope.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from tenants.behaviour.cleaning.event_cleaning import CARRIED
from tenants.consent.policy import storing_purposes
from tenants.consent.queries import granted_at, subjects_of_records
from tenants.consent.vocabulary import Purpose
from tenants.subjects.directory import known

WORDS = frozenset(Purpose)
# The code of an event that says itself that it may be used for nothing.
WITHHOLDS = "event_withholds"


@dataclass(frozen=True)
class Narrowed:
    """The rows with `withheld` as an array of the database, null where nothing is; `refused`:
    code -> numbers of rows that cannot be stored for what they say. A row that withholds everything
    is refused with what it withholds: its copies are to withhold it, too.
    """

    rows: pl.DataFrame
    refused: Mapping[str, list[int]]


def narrow(rows: pl.DataFrame) -> Narrowed:
    """Read what rows carry; a file or request that carries nothing costs nothing."""
    told = rows.filter(pl.any_horizontal(pl.col(name).is_not_null() for name in CARRIED))
    nothing = pl.lit(None, pl.String)
    if told.is_empty():
        return Narrowed(rows.with_columns(withheld=nothing), {})
    subjects = known(told["user_id"].unique())
    ledger = _Ledger(told, subjects)
    refused: dict[str, list[int]] = {}
    arrays: dict[int, str] = {}
    for row in told.select("row", "user_id", *CARRIED).iter_rows(named=True):
        code, withheld = ledger.judge(row)
        if code:
            refused.setdefault(code, []).append(row["row"])
        if withheld and code in ("", WITHHOLDS):
            arrays[row["row"]] = f"{{{','.join(sorted(withheld))}}}"
    array = pl.col("row").replace_strict(arrays, default=None, return_dtype=pl.String)
    return Narrowed(rows.with_columns(withheld=array if arrays else nothing), refused)


class _Ledger:
    """What the rows name, looked up at once."""

    def __init__(self, told: pl.DataFrame, subjects: Mapping[str, int]) -> None:
        self._subjects = subjects
        self._owners = subjects_of_records(told["consent_record_id"].drop_nulls().unique())
        dated = told.filter(pl.col("consent_time").is_not_null())["user_id"].unique()
        granted = granted_at(subjects[user] for user in dated if user in subjects)
        self._granted = {(who, what, at.replace(microsecond=0)) for who, what, at in granted}
        self._storing = {purpose.value for purpose in storing_purposes()}

    def judge(self, row: Mapping[str, Any]) -> tuple[str, set[str]]:
        """Why the row is refused, or "" and the purposes that it withholds."""
        only, withheld = set(_words(row["purposes"])), set(_words(row["withheld"]))
        if not only | withheld <= WORDS:
            return "unknown_purpose", withheld
        subject = self._subjects.get(row["user_id"])
        named = row["consent_record_id"]
        if named and (subject is None or self._owners.get(named) != subject):
            return "record_unknown", withheld
        if row["consent_time"]:
            at = row["consent_time"].replace(microsecond=0)
            asked = only or WORDS
            only &= {p for p in asked if (subject, p, at) in self._granted}
            if not any((subject, purpose, at) in self._granted for purpose in asked):
                return "record_unknown", withheld
        if row["purposes"]:
            withheld |= WORDS - only
        return (WITHHOLDS if self._storing <= withheld else ""), withheld


def _words(text: str | None) -> Iterator[str]:
    return (word.strip().lower() for word in (text or "").split("|") if word.strip())


def carried(consent: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an event's object `{purposes: {…: bool}, record_id, time}`: what it names as
    allowed leaves out the rest, what it names as not allowed leaves the rest as it is.
    """
    told: Mapping[str, bool] = consent.get("purposes", {})
    return {
        "purposes": _joined(name for name, allowed in told.items() if allowed),
        "withheld": _joined(name for name, allowed in told.items() if not allowed),
        "consent_record_id": consent.get("record_id"),
        "consent_time": consent.get("time"),
    }


def _joined(names: Iterable[str]) -> str | None:
    return "|".join(sorted(names)) or None
