"""What is derived of one person: computed at each answer from their own events, never stored.

No vector and no parameter of a person is kept; this computes what the next answer would.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from recommend.answering import history_of
from recommend.bundles import BUNDLES, BundleUnreadable
from recommend.context import Context, context_of_subject
from tenants.behaviour.models import Item
from tenants.behaviour.types.event_types import event_types_of
from tenants.subjects.models import Subject
from tenants.subjects.store import Rows
from training.engine.arrays import I64
from training.engine.bundle import Bundle
from training.engine.features.facts import ItemFacts
from training.engine.features.table import features_of_items, features_of_subject
from training.engine.history import Past, settle

OWN, NEIGHBOURS, FEATURES = "own_history", "neighbours", "features"
NEIGHBOURS_TOLD = 20
# Sources that link items to items; the first that a version holds is told.
_LINKED = (NEIGHBOURS, "neighbours_text")
COLUMNS = ("group", "item", "category", "weight", "events", "last", "last_at", "note")
# Name -> value, None where it is not known.
Features = dict[str, float | None]


@dataclass(frozen=True)
class Derived:
    """`code` says why nothing is derived, "" when it is. `own`: one line for each item of the
    history that answers use, the weightiest first; `neighbours`: items that these lead to;
    `features`: the engine's features of the person (`training/engine/features/table.py`).
    """

    code: str
    own: list["OwnItem"]
    neighbours: list[tuple[Item, float]]
    features: Features


@dataclass(frozen=True)
class OwnItem:
    """What the person's own events on one item add up to. `weight` halves with age; None where the
    version that serves computes none. `last` is one of the names of event types. `features`: the
    engine's features of the item for this person; empty where the version does not know the item.
    """

    item: Item
    events: int
    weight: float | None
    last: str
    last_at: datetime
    features: Features


def derived_of(subject: Subject) -> Derived:
    """What the next answer would derive of the person; nothing where it may not be personal."""
    context = context_of_subject(subject)
    if context.code or not context.items:
        return Derived(context.code or "no_history", [], [], {})
    bundle = _bundle(context)
    now = time.time()
    known, past, facts = _known(bundle, context, now)
    weights = _weights(bundle, past, now) if bundle else {}
    near = _neighbours(bundle, past, now) if bundle else {}
    items = Item.objects.in_bulk({*context.items, *near})
    told = _item_features(known, past, facts, now)
    own = sorted(
        _own(context, items, weights, told), key=lambda line: (-(line.weight or 0.0), -line.events)
    )
    return Derived(
        code="",
        own=own,
        neighbours=[(items[item], score) for item, score in near.items() if item in items],
        features=_plain(features_of_subject(past, facts, now)),
    )


def categories_of(found: Derived) -> list[dict[str, Any]]:
    """The own history by category, the weightiest first; items without one are left out."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0.0])
    for line in found.own:
        if line.item.category:
            sums[line.item.category][0] += line.events
            sums[line.item.category][1] += line.weight or 0.0
    told = [
        {"category": name, "events": int(events), "weight": round(weight, 6)}
        for name, (events, weight) in sums.items()
    ]
    return sorted(told, key=lambda one: (-one["weight"], -one["events"], one["category"]))


def profile(subject_id: int) -> Rows:
    """An annex of a person's export: each derived value as a row, and that no vector is stored."""
    found = derived_of(Subject.objects.get(pk=subject_id))
    yield _row("user_vector", note="computed for each answer, stored nowhere")
    if found.code:
        yield _row(OWN, note=f"nothing is derived: {found.code}")
    for line in found.own:
        yield _row(
            OWN, line.item, line.weight, events=line.events, last=line.last, last_at=line.last_at
        )
    for item, score in found.neighbours:
        yield _row(NEIGHBOURS, item, score)
    for name, value in found.features.items():
        yield _row(FEATURES, weight=value, note=name)
    for line in found.own:
        for name, value in line.features.items():
            yield _row(FEATURES, line.item, value, note=name)


def _row(
    group: str, item: Item | None = None, weight: float | None = None, **more: Any
) -> dict[str, Any]:
    told = {"item": item.external_id, "category": item.category} if item else {}
    return {**dict.fromkeys(COLUMNS), "group": group, "weight": weight, **told, **more}


def _own(
    context: Context,
    items: dict[int, Item],
    weights: dict[int, float],
    features: dict[int, Features],
) -> Iterator[OwnItem]:
    """Newest event first, as the context has them: the first one of an item is its last."""
    counts: dict[int, int] = {}
    first: dict[int, int] = {}
    types = event_types_of(context.tenant_id, context.types).by_code
    for place, item in enumerate(context.items):
        counts[item] = counts.get(item, 0) + 1
        first.setdefault(item, place)
    for item, place in first.items():
        if item in items:
            yield OwnItem(
                item=items[item],
                events=counts[item],
                weight=weights.get(item),
                last=types[context.types[place]].name,
                last_at=datetime.fromtimestamp(context.times[place], UTC),
                features=features.get(item, {}),
            )


def _bundle(context: Context) -> Bundle | None:
    if context.manifest_sha256 is None:
        return None
    try:
        return BUNDLES.get(context.tenant_id, context.manifest_sha256)
    except BundleUnreadable:
        return None


def _known(bundle: Bundle | None, context: Context, now: float) -> tuple[I64, Past, ItemFacts]:
    """The events that the serving version would take into account, the items by whose places they
    count, and what the version knows of these; without a version the person's own items alone."""
    history = history_of(context)
    items = bundle.items if bundle else np.unique(history.items)
    past = settle(
        history,
        catalogue=items,
        types=bundle.types if bundle else sorted(set(history.types)),
        now=now,
        limit=bundle.history_limit if bundle else len(history.items),
    )
    return items, past, bundle.facts if bundle else ItemFacts.unknown(len(items))


def _item_features(items: I64, past: Past, facts: ItemFacts, now: float) -> dict[int, Features]:
    """The features of each item of the past, by its number."""
    places = np.unique(past.item)
    columns = features_of_items(past, facts, now, places)
    return {
        int(items[place]): _plain({name: float(values[row]) for name, values in columns.items()})
        for row, place in enumerate(places)
    }


def _plain(values: dict[str, float]) -> Features:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _weights(bundle: Bundle, past: Past, now: float) -> dict[int, float]:
    """Item -> the decayed weight of the person's events on it, as the serving version counts."""
    if OWN not in bundle.sources:
        return {}
    half_life = float(bundle.sources[OWN].settings()["half_life_days"])
    total = np.bincount(past.item, weights=past.decayed(now, half_life))
    return {int(bundle.items[n]): round(float(total[n]), 6) for n in np.unique(past.item)}


def _neighbours(bundle: Bundle, past: Past, now: float) -> dict[int, float]:
    """The items that others' behaviour links to the person's own, the strongest first."""
    linked = next((bundle.sources[name] for name in _LINKED if name in bundle.sources), None)
    if linked is None or not len(past):
        return {}
    scores = linked.score(past, now)
    order = np.argsort(-scores, kind="stable")[:NEIGHBOURS_TOLD]
    return {int(bundle.items[n]): round(float(scores[n]), 6) for n in order if scores[n] > 0}
