"""Landing cleaned rows in the database: events behind consent, items as they are.

Runs in a tenant's scope, in the one transaction of a batch.
"""

from uuid import UUID

import polars as pl

from tenants.behaviour.landing import quarantine
from tenants.behaviour.landing.carriage import WITHHOLDS, narrow
from tenants.behaviour.landing.catalogue import bare_items, items_of_events, store_items
from tenants.behaviour.landing.identity import identities
from tenants.behaviour.landing.landed import Landed
from tenants.behaviour.landing.narrowing import narrow_copies, shut, shut_out, told_by, with_copies
from tenants.behaviour.landing.storing import STORED, acts_here, store_events
from tenants.behaviour.models import Item
from tenants.consent.queries import storable, storing_by_subject, why_not_storable
from tenants.isolation.lasting import lasting_key
from tenants.isolation.scope import current_tenant
from tenants.subjects.directory import known, resolve
from tenants.subjects.suppression import erased

Withheld = dict[tuple[str, str], list[int]]
ALREADY = ("duplicate", "already_stored")
FULL = ("rejected", "quarantine_full")
ERASED = ("rejected", "erased")
UNKNOWN_ITEM = ("rejected", "unknown_item")


def land_events(
    rows: pl.DataFrame, upload_id: UUID, *, trusted: bool, known_items_only: bool = False
) -> Landed:
    """Store events of subjects who consent to any use; hold the others back.

    `rows` has EVENT_COLUMNS of `cleaning`, and `dedup` where `with_acts` was called before;
    `upload_id` is the upload or the event batch they came with, unless a column `upload` says it of
    each (as hexadecimal digits). What a sender who is not `trusted` says of items and beside an act
    is left aside. `known_items_only`: rows of items that no catalogue has told of end, and make no
    item. Safe with concurrent callers: all of them lock items, subjects and events in one order.
    """
    if not rows.height:
        return Landed()
    if "dedup" not in rows.columns:
        rows = with_acts(rows, lasting_key(current_tenant(), "dedup"))
    if not trusted:
        rows = rows.with_columns(context=pl.lit(None, pl.String))
    acts = rows["dedup"].to_list()
    withheld = _of_erased(rows)
    rows = _without(rows, withheld.get(ERASED, []))
    if known_items_only:
        withheld |= of_unknown_items(rows)
        rows = _without(rows, withheld.get(UNKNOWN_ITEM, []))
    narrowed = narrow(rows)
    withheld |= {("rejected", code): ended for code, ended in narrowed.refused.items()}
    told = told_by(narrowed.rows)
    narrow_copies(told)
    shut(_acts(narrowed.rows, narrowed.refused.get(WITHHOLDS, [])), trusted=trusted)
    rows = _without(narrowed.rows, [row for ended in narrowed.refused.values() for row in ended])
    rows, again = with_copies(rows, told)
    withheld |= _kept_out(rows, trusted)
    if again:
        withheld.setdefault(ALREADY, []).extend(again)
    rows = _without(rows, [row for ended in withheld.values() for row in ended])
    if not rows.height:
        return Landed(withheld, acts=acts)
    ended, created = _land(rows, upload_id, trusted)
    if ALREADY in ended:  # some may have come at the same time
        narrow_copies(told_by(rows))
    for outcome, numbers in ended.items():
        withheld.setdefault(outcome, []).extend(numbers)
    return Landed(withheld, items_created=created, acts=acts)


def _of_erased(rows: pl.DataFrame) -> Withheld:
    """Rows of people who were erased and have not consented since: not even held back, for that
    would bring them here again."""
    gone = erased(rows["user_id"].unique())
    if not gone:
        return {}
    subjects = known(gone)
    allowed = storable(subjects.values())
    back = [user for user, subject in subjects.items() if subject in allowed]
    ended = rows.filter(pl.col("user_id").is_in(sorted(gone.keys() - set(back))))["row"].to_list()
    return {ERASED: ended} if ended else {}


def of_unknown_items(rows: pl.DataFrame) -> Withheld:
    """Rows of items that are not here, were removed, or that only a public key has named."""
    names = rows["item_id"].unique().to_list()
    found = Item.objects.filter(external_id__in=names, described=True, removed_at=None)
    known_names = list(found.values_list("external_id", flat=True))
    ended = rows.filter(~pl.col("item_id").is_in(known_names))["row"].to_list()
    return {UNKNOWN_ITEM: ended} if ended else {}


def _kept_out(rows: pl.DataFrame, trusted: bool) -> Withheld:
    """Rows that make neither items nor subjects: what is here already, what finds no room.

    Looked for where it matters: it bounds what a public key can fill the database with.
    """
    tight = not quarantine.surely_has_room(rows.height)
    if trusted and not tight:
        return {}
    here = here_already(rows)
    full = _beyond_room(_without(rows, here)) if tight else []
    return {outcome: ended for outcome, ended in ((ALREADY, here), (FULL, full)) if ended}


def _beyond_room(rows: pl.DataFrame) -> list[int]:
    """The numbers of rows that would have to wait for consent, and cannot be held."""
    subjects = known(rows["user_id"].unique())
    allowed = storable(subjects.values())
    users = [user for user, subject in subjects.items() if subject in allowed]
    waiting = rows.filter(~pl.col("user_id").is_in(users))["row"]
    return waiting[quarantine.room() :].to_list() if waiting.len() else []


def _acts(rows: pl.DataFrame, numbers: list[int]) -> list[str]:
    return rows.filter(pl.col("row").is_in(numbers))["dedup"].to_list()


def _without(rows: pl.DataFrame, numbers: list[int]) -> pl.DataFrame:
    return rows.filter(~pl.col("row").is_in(numbers)) if numbers else rows


def _land(rows: pl.DataFrame, upload_id: UUID, trusted: bool) -> tuple[Withheld, int]:
    """Store or hold; the rows that ended otherwise, and how many items are new."""
    items, created = (items_of_events if trusted else bare_items)(rows)
    subjects = resolve(rows["user_id"].unique())
    staged = _staged(rows, subjects, items)
    allowed = storable(subjects.values())
    may = _may_be_stored(staged, allowed)
    stored_before = store_events(staged.filter(may), upload_id)
    withheld, held_before = _hold_back(staged.filter(~may), allowed, upload_id)
    if stored_before or held_before:
        withheld[ALREADY] = [*stored_before, *held_before]
    return withheld, created


def _may_be_stored(staged: pl.DataFrame, allowed: set[int]) -> pl.Series:
    """Per row, whether its subject allows any purpose that the event itself does not withhold;
    `allowed` are those who allow any at all.
    """
    may = staged["subject"].is_in(sorted(allowed))
    if staged["withheld"].null_count() == staged.height:
        return may
    own = storing_by_subject(staged.filter(pl.col("withheld").is_not_null())["subject"].unique())
    left = [
        withheld is None or bool(own.get(subject, set()) - set(withheld[1:-1].split(",")))
        for subject, withheld in staged.select("subject", "withheld").iter_rows()
    ]
    return may & pl.Series(left, dtype=pl.Boolean)


def with_acts(rows: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """The rows with the hash by which an act counts once; `key` is the tenant's lasting one for
    `dedup`. Pure.
    """
    return rows.with_columns(pl.Series("dedup", identities(rows, key), dtype=pl.String))


def here_already(rows: pl.DataFrame) -> list[int]:
    """The numbers of rows whose act is stored or held."""
    here = acts_here(rows["dedup"], f"{STORED} union all {quarantine.HELD_ACTS}")
    return rows.filter(pl.col("dedup").is_in(here))["row"].to_list() if here else []


def _staged(rows: pl.DataFrame, subjects: dict[str, int], items: dict[str, int]) -> pl.DataFrame:
    """The rows with integers for ids."""
    return rows.with_columns(
        pl.col("user_id").replace_strict(subjects, return_dtype=pl.Int64).alias("subject"),
        pl.col("item_id").replace_strict(items, return_dtype=pl.Int64).alias("item"),
    )


def _hold_back(
    staged: pl.DataFrame, allowed: set[int], upload_id: UUID
) -> tuple[Withheld, list[int]]:
    """Quarantine rows; their numbers by code, and those that were held already."""
    if not staged.height:
        return {}, []
    subjects = staged["subject"].unique()
    # Who allows something, but nothing that the event allows as well, has not allowed this.
    codes = why_not_storable(subjects) | dict.fromkeys(
        allowed.intersection(subjects), "purpose_missing"
    )
    before = shut_out(staged)
    before += quarantine.hold(_without(staged, before), codes, upload_id)
    new = staged.filter(~pl.col("row").is_in(before))
    withheld: Withheld = {}
    for row, subject in new.select("row", "subject").iter_rows():
        withheld.setdefault(("quarantined", codes.get(subject) or "no_record"), []).append(row)
    return withheld, before


def land_items(rows: pl.DataFrame, upload_id: UUID) -> Landed:
    """Make or replace the catalogue's items. `rows` has ITEM_COLUMNS of `item_cleaning`."""
    return Landed(items_created=store_items(rows) if rows.height else 0)
