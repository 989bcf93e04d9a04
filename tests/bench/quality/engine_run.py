"""The border to the engine: a job folder in its own formats, and a bundle that answers. What a run
serves, it chose itself on its own held-out windows, none of which the benchmark's test touches.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.bench.quality.contender import Study
from tests.bench.quality.protocol import Asked
from training.engine.arrays import I64, Mask
from training.engine.bundle import Bundle
from training.engine.history import History, Past
from training.engine.lately import WINDOWS, Lately, popularity_of
from training.engine.metrics import DEPTH
from training.engine.snapshot import EVENTS_FILE, ITEMS_FILE, Snapshot
from training.engine.sources.popularity import Popularity, share_of
from training.engine.sources.source import Source

_MANY = 10  # people behind an item's popularity, as answers want them
_THREADS = int(os.environ.get("BENCH_THREADS", "2"))


def params_of(study: Study) -> dict[str, Any]:
    """What a tenant would state of such data: how far ahead counts where only order is known, and
    whether met items may come again."""
    stated: dict[str, Any] = {"repeats": study.repeats}
    if study.quick:  # a stage that a full run measures
        stated["finetune_epochs"] = 0
    return {**stated, "window_days": study.days} if study.days < 7.0 else stated


def write_job(folder: Path, snapshot: Snapshot, order: dict[str, Any]) -> None:
    """A job folder in the engine's own formats. Subject and item numbers are positions plus 1."""
    events, catalogue = snapshot.events, snapshot.catalogue
    pl.DataFrame(
        {
            "subject": events.subject + 1,
            "item": catalogue.items[events.item],
            "type": ["purchase"] * len(events),
            "occurred_at": _moments(events.time),
            "weight": events.weight,
            "value": events.value,
            "quantity": np.ones(len(events), np.float32),
        }
    ).write_parquet(folder / EVENTS_FILE)
    pl.DataFrame(
        {
            "item": catalogue.items,
            "title": list(catalogue.title),
            "text": list(catalogue.text),
            "category": [name or None for name in catalogue.category],
            "price": pl.Series(catalogue.price).fill_nan(None),
            "first_seen_at": _moments(catalogue.known_from),
        },
        schema_overrides={"category": pl.String},
    ).write_parquet(folder / ITEMS_FILE)
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (EVENTS_FILE, ITEMS_FILE)
    }
    job = {
        "format": 1,
        "task": "recommendation",
        "device": "cpu",
        "threads": min(_THREADS, os.cpu_count() or 1),
        "files": files,
        **order,
    }
    (folder / "job.json").write_text(json.dumps(job))


def _moments(seconds: Any) -> pl.Series:
    whole = pl.Series(np.round(np.asarray(seconds) * 1e6).astype(np.int64))
    return whole.cast(pl.Datetime("us", "UTC"))


@dataclass(frozen=True)
class Bundled:
    """Ranks by a bundle, one past at a time, with the popularity of now, as the API does."""

    bundle: Bundle

    def rank(self, asked: Asked) -> I64:
        bundle = up_to_date(self.bundle, asked)
        ranked = np.full((len(asked), DEPTH), -1, dtype=np.int64)
        for row, past in enumerate(asked.pasts):
            answer = bundle.recommend(
                history_of(past), now=asked.now, limit=DEPTH, available=asked.allowed(row)
            )
            found = [each.item - 1 for each in answer]
            ranked[row, : len(found)] = found
        return ranked

    def explained(self, moments: Sequence[Asked], most: int) -> dict[str, int]:
        return explained(self.bundle, moments, most)


def up_to_date(bundle: Bundle, asked: Asked) -> Bundle:
    """The bundle with the popularity of the moment of asking."""
    weights = {days: asked.recent(float(days)).astype(np.float64) for days in WINDOWS}
    many = {days: asked.people(float(days)) >= _MANY for days in WINDOWS}
    items = np.arange(1, 1 + len(asked.open))
    return bundle.with_sources(popularity_of(bundle, Lately(items, weights, many)))


def counted_on(source: Source, asked: Asked) -> Source:
    """The source, popularity as it is at the moment of asking."""
    if not isinstance(source, Popularity):
        return source
    weight = asked.recent(float(source.window_days)).astype(np.float64)
    return Popularity(share_of(weight), source.window_days)


_LEAST_ACTS = 5
_NEAR = 0.1


def explained(bundle: Bundle, moments: Sequence[Asked], most: int) -> dict[str, int]:
    """Of at most `most` subjects with _LEAST_ACTS acts: how many first answers were checked, and
    for how many the item that the explanation names is the one whose removal from the past lowers
    the score most, or within a tenth of it. Who can lose nothing is right to name nothing."""
    now = [(each, up_to_date(bundle, each)) for each in moments]
    asked = [(each, fresh, row) for each, fresh in now for row in range(len(each))]
    drawn = np.random.default_rng(0).permutation(len(asked))
    checked = agreed = 0
    for index in drawn:
        moment, fresh, row = asked[index]
        past = moment.pasts[row]
        if len(past) < _LEAST_ACTS or len(np.unique(past.item)) < 2:
            continue
        checked += 1
        agreed += _agrees(fresh, past, moment.now, moment.allowed(row))
        if checked == most:
            break
    return {"checked": checked, "agreed": agreed}


def _agrees(bundle: Bundle, past: Past, now: float, allowed: Mask) -> bool:
    top = bundle.recommend(history_of(past), now=now, limit=1, available=allowed, explain=True)[0]
    met = np.unique(past.item)
    whole, *rests = bundle.scores_of(
        [history_of(past), *(history_of(past.keep(past.item != item)) for item in met)],
        top.item,
        now=now,
        available=allowed,
    )
    drops = {int(item) + 1: whole - rest for item, rest in zip(met, rests, strict=True)}
    most = max(drops.values())
    if most <= 0.0:
        return top.rests_on is None
    return top.rests_on is not None and drops[top.rests_on] >= (1.0 - _NEAR) * most


def history_of(past: Past) -> History:
    """A past as callers of a bundle bring it."""
    return History(
        items=past.item + 1,
        times=past.time,
        weights=past.weight,
        types=["purchase"] * len(past),
        values=past.value,
    )
