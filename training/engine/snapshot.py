"""Reads a job's Parquet files into arrays. Knows nothing about windows, models or tenants."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from training.engine.arrays import F32, F64, I64, Mask
from training.engine.failures import JobError
from training.engine.features.facts import ItemFacts, facts_of
from training.engine.history import PAID_TYPES, Past, paid

EVENTS_FILE = "events.parquet"
ITEMS_FILE = "items.parquet"


@dataclass(frozen=True)
class Catalogue:
    """The items of a snapshot, by rising item number; a position in these arrays names an item.

    items: int64 [items]; title, text, category: str [items], empty where unknown; price: float32,
    NaN where unknown; known_from: epoch seconds of the listing or first event, +inf where neither
    is known.
    """

    items: I64
    title: tuple[str, ...]
    text: tuple[str, ...]
    category: tuple[str, ...]
    price: F32
    known_from: F64

    def __len__(self) -> int:
        return len(self.items)

    @property
    def facts(self) -> ItemFacts:
        """What features know of the items."""
        return facts_of(self.price, self.category, self.known_from)


@dataclass(frozen=True)
class Events:
    """The events of a snapshot, ordered by subject, time and item; all arrays of length n.

    subject: dense number 0..subjects-1; item: position in the catalogue; time: epoch seconds; type:
    code 1..len(types); value: money that was paid, else 0; offsets: int64 [subjects + 1], subject s
    owns rows offsets[s]:offsets[s + 1].
    """

    subject: I64
    item: I64
    time: F64
    weight: F32
    type: I64
    value: F32
    offsets: I64
    types: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.item)

    @property
    def subjects(self) -> int:
        """How many subjects there are."""
        return len(self.offsets) - 1

    def ends_before(self, moment: float) -> I64:
        """Per subject, the row behind the last event before `moment`, int64 [subjects]."""
        early = np.bincount(self.subject[self.time < moment], minlength=self.subjects)
        ends: I64 = self.offsets[:-1] + early
        return ends

    def past(self, subject: int, end: int, limit: int) -> Past:
        """The newest `limit` events of one subject that lie before row `end`."""
        rows = slice(max(int(self.offsets[subject]), end - limit), end)
        return Past(
            self.item[rows],
            self.time[rows],
            self.weight[rows],
            self.type[rows],
            self.value[rows],
        )


@dataclass(frozen=True)
class Snapshot:
    """Items and events of one job."""

    catalogue: Catalogue
    events: Events


def read_snapshot(folder: Path) -> Snapshot:
    """Read events.parquet and items.parquet.

    Raises JobError (too_little_data, unknown_item, bad_snapshot) when they cannot be trained on.
    """
    items = frame_of(folder / ITEMS_FILE, _ITEM_COLUMNS).unique("item", keep="first").sort("item")
    events = frame_of(folder / EVENTS_FILE, _EVENT_COLUMNS)
    if items.is_empty() or events.is_empty():
        raise JobError(
            "too_little_data",
            f"the snapshot holds {len(events)} events and {len(items)} items; both are needed",
        )
    refuse_blanks(events.drop("value"), EVENTS_FILE)
    kinds = _kinds(folder / EVENTS_FILE)
    refuse_blanks(items.select("item"), ITEMS_FILE)
    number = items["item"].to_numpy().astype(np.int64)
    position = np.searchsorted(number, events["item"].to_numpy())
    strangers = number[np.minimum(position, len(number) - 1)] != events["item"].to_numpy()
    if strangers.any():
        raise JobError(
            "unknown_item",
            f"{int(strangers.sum())} events name an item that items.parquet does not hold, first "
            f"item {events['item'][int(np.argmax(strangers))]}; add the item or leave them out",
            "events.parquet",
        )
    table = _events(events, position.astype(np.int64), kinds)
    return Snapshot(catalogue=_catalogue(items, number, table), events=table)


_EVENT_COLUMNS = {
    "subject": pl.Int64(),
    "item": pl.Int64(),
    "occurred_at": pl.Datetime("us", "UTC"),
    "weight": pl.Float32(),
    "value": pl.Float32(),
}
_ITEM_COLUMNS = {
    "item": pl.Int64(),
    "title": pl.String(),
    "text": pl.String(),
    "category": pl.String(),
    "price": pl.Float32(),
    "first_seen_at": pl.Datetime("us", "UTC"),
}


def frame_of(path: Path, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    """These columns of a Parquet file, in these types; JobError bad_snapshot."""
    try:
        frame = pl.read_parquet(path, columns=list(columns))
        return frame.cast(pl.Schema(columns))
    except (OSError, pl.exceptions.PolarsError) as cause:
        raise JobError("bad_snapshot", f"{path.name} cannot be read: {cause}", path.name) from cause


def refuse_blanks(frame: pl.DataFrame, name: str) -> None:
    """JobError bad_snapshot when a row lacks one of the columns."""
    for column in frame.columns:
        blanks = frame[column].null_count()
        if blanks:
            raise JobError(
                "bad_snapshot",
                f"{name} has {blanks} rows without {column}; every row needs one",
                name,
            )


def _seconds(column: pl.Series) -> F64:
    return (column.to_physical().cast(pl.Float64).to_numpy() / 1e6).astype(np.float64)


@dataclass(frozen=True)
class _Kinds:
    """The types of all events of the file, in its order: code int64 [n], and whether money was
    paid, bool [n]. Read apart from the rest, for names are the largest of all."""

    names: tuple[str, ...]
    code: I64
    pays: Mask


def _kinds(path: Path) -> _Kinds:
    frame = frame_of(path, {"type": pl.String()})
    refuse_blanks(frame, path.name)
    names = tuple(sorted(frame["type"].unique().to_list()))
    codes = {name: index + 1 for index, name in enumerate(names)}
    code = frame["type"].replace_strict(codes, return_dtype=pl.Int64).to_numpy()
    paying = [codes[name] for name in names if name in PAID_TYPES]
    return _Kinds(names, code, np.isin(code, paying))


def _events(frame: pl.DataFrame, position: I64, kinds: _Kinds) -> Events:
    _, subject = np.unique(frame["subject"].to_numpy(), return_inverse=True)
    time = _seconds(frame["occurred_at"])
    order = _order(subject, time, position)
    ordered = subject[order].astype(np.int64)
    value = frame["value"].fill_null(0.0).to_numpy().astype(np.float32)
    return Events(
        subject=ordered,
        item=position[order],
        time=time[order],
        weight=frame["weight"].to_numpy()[order].astype(np.float32),
        type=kinds.code[order],
        value=paid(value, kinds.pays)[order],
        offsets=np.concatenate(([0], np.cumsum(np.bincount(ordered)))).astype(np.int64),
        types=kinds.names,
    )


def _order(subject: I64, time: F64, item: I64) -> I64:
    """Rows by subject, time and item. They mostly come by subject and time, and then only those
    that share both are sorted."""
    same = subject[1:] == subject[:-1]
    rises = (subject[1:] > subject[:-1]) | (same & (time[1:] >= time[:-1]))
    if not rises.all():
        return np.lexsort((item, time, subject))
    same &= time[1:] == time[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.concatenate(([False], same)))
    order = np.arange(len(subject))
    order[tied] = tied[np.lexsort((item[tied], time[tied], subject[tied]))]
    return order


def _catalogue(frame: pl.DataFrame, number: I64, events: Events) -> Catalogue:
    listed = frame["first_seen_at"].to_physical().cast(pl.Float64).to_numpy() / 1e6
    first_event = np.full(len(number), np.inf)
    np.minimum.at(first_event, events.item, events.time)
    return Catalogue(
        items=number,
        title=tuple(frame["title"].fill_null("").to_list()),
        text=tuple(frame["text"].fill_null("").to_list()),
        category=tuple(frame["category"].fill_null("").to_list()),
        price=frame["price"].cast(pl.Float32).fill_null(float("nan")).to_numpy(),
        known_from=np.minimum(np.where(np.isnan(listed), np.inf, listed), first_event),
    )
