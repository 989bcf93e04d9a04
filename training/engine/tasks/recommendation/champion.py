"""How the version that serves now would have answered the new run's held-out cases.

What is fitted in seconds is fitted again on the events before the cases, as the new run does with
its own. What cannot be is taken as its own run judged it, before it went on with the windows, and
only where it learned from nothing later. So neither side has seen the window.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from training.engine.arrays import F32, F64, I64, Settings
from training.engine.bundle import Bundle
from training.engine.evaluate import FUSION, Reader, rank_case, scored
from training.engine.fusion import best
from training.engine.history import Past
from training.engine.metrics import DEPTH, judge
from training.engine.sealed import MANIFEST, Damaged, sha256_of
from training.engine.snapshot import Catalogue, Events, Snapshot
from training.engine.sources import SOURCES
from training.engine.sources.source import Ground, Source
from training.engine.split import Cases
from training.engine.tensors import open_tensors


@dataclass(frozen=True)
class Champion:
    """What serves now. digest: SHA-256 of its manifest; bundle: None where it cannot be compared,
    and then `obstacle` says why by a code: unreadable, other_task, saw_the_window."""

    digest: str
    bundle: Bundle | None
    obstacle: str


def open_champion(folder: Path, *, task: str, test_start: float) -> Champion:
    """The version in `folder`, if it chose and learned without the window from `test_start` on, or
    can do so again."""
    try:
        bundle = as_judged(Bundle.load(folder), folder)
        digest = sha256_of(folder / MANIFEST)
        until = known_until(bundle)
    except (Damaged, OSError, KeyError, ValueError):
        return Champion("", None, "unreadable")
    if bundle.manifest["task"] != task:
        return Champion(digest, None, "other_task")
    # A border is told in whole microseconds.
    if until > test_start + 0.001:
        return Champion(digest, None, "saw_the_window")
    return Champion(digest, bundle, "")


def judged_file(name: str) -> str:
    """Where an artifact keeps a source as it was judged, beside the one that serves."""
    return f"judged-{name}.safetensors"


def as_judged(bundle: Bundle, folder: Path) -> Bundle:
    """The bundle with the sources that its own windows judged. Raises OSError."""
    sources = dict(bundle.sources)
    for name in _judged_beside(bundle):
        tensors = open_tensors(folder / judged_file(name))
        sources[name] = SOURCES[name].restore(tensors, sources[name].settings())
    return replace(bundle, sources=sources)


def _judged_beside(bundle: Bundle) -> list[str]:
    """Names of those sources; versions of an earlier release keep none."""
    return list(bundle.manifest["refitted"].get("judged_beside", []))


def known_until(bundle: Bundle) -> float:
    """Up to which moment (epoch seconds) events went into what was chosen and into what cannot be
    fitted again. Raises KeyError or ValueError where the manifest does not tell."""
    refitted = bundle.manifest["refitted"]
    windows = {window["name"]: window for window in bundle.manifest["split"]["windows"]}
    kept = set(refitted["sources"]) & set(bundle.sources) - set(_judged_beside(bundle))
    told = [windows["validation"]["end"]]
    if any(_settings(bundle, name) is None for name in kept):
        told.append(refitted["until"])
    return max(datetime.fromisoformat(moment).timestamp() for moment in told)


def judge_champion(
    bundle: Bundle, snapshot: Snapshot, reader: Reader, each: Callable[[int, int], None]
) -> F64:
    """NDCG@10 per case of `reader`, float64 [cases]. A subject whose items it does not know gets
    its popular list, as a request would. `each` is called with (done, all) after every case."""
    places = _places(snapshot.catalogue.items, bundle.items)
    known = _known_to(bundle, snapshot, places)
    cases = _cases_of(bundle, reader.cases, known.events, places)
    own = Reader(known.events, cases, bundle.repeats, bundle.history_limit, bundle.facts)
    sources = _sources(
        bundle, Ground(known, cases.window.start, _text(bundle), _text(bundle, "characters"))
    )
    now, name = cases.window.start, FUSION if bundle.fusion else bundle.serves
    figures = np.zeros(len(cases))
    with threadpool_limits(limits=1, user_api="blas"):
        popular = sources[bundle.popular_name].score(Past.empty(), now)
        strangers = [index for index in range(len(cases)) if not len(own.past(index))]
        for index in strangers:
            ranking = best(popular, own.allowed(index) & (popular > 0), DEPTH)
            figures[index] = judge(ranking, cases.targets[index])[0]
        rest = np.setdiff1d(np.arange(len(cases)), strangers).tolist()
        known_cases = scored(sources, own.past, rest, now, len(bundle.items))
        for done, (index, past, scores) in enumerate(known_cases, start=len(strangers) + 1):
            allowed = own.allowed(index)
            rankings = rank_case(sources, bundle.fusion, scores, past, allowed, now, own.facts)
            figures[index] = judge(rankings[name].items, cases.targets[index])[0]
            each(done, len(cases))
    return figures


def _places(items: I64, theirs: I64) -> I64:
    """For each of `items` its position in the rising `theirs`, -1 where it is not there."""
    place = np.minimum(np.searchsorted(theirs, items), len(theirs) - 1)
    return np.where(theirs[place] == items, place, -1).astype(np.int64)


def _known_to(bundle: Bundle, snapshot: Snapshot, places: I64) -> Snapshot:
    """The snapshot's events on items of the bundle, in the bundle's numbering; subjects as they
    were."""
    events = snapshot.events
    codes = {name: code + 1 for code, name in enumerate(bundle.types)}
    turned = np.array([0, *(codes.get(name, 0) for name in events.types)], dtype=np.int64)
    kept = places[events.item] >= 0
    subject = events.subject[kept]
    counts = np.bincount(subject, minlength=events.subjects)
    known = Events(
        subject=subject,
        item=places[events.item[kept]],
        time=events.time[kept],
        weight=events.weight[kept],
        type=turned[events.type[kept]],
        value=events.value[kept],
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        types=bundle.types,
    )
    nothing = ("",) * len(bundle.items)
    unknown = np.full(len(bundle.items), np.inf)
    price = np.full(len(bundle.items), np.nan, dtype=np.float32)
    return Snapshot(Catalogue(bundle.items, nothing, nothing, nothing, price, unknown), known)


def _cases_of(bundle: Bundle, cases: Cases, events: Events, places: I64) -> Cases:
    """The same cases in the bundle's numbering; a target that it does not know stays a target, at
    a number that no ranking holds."""
    candidates = np.zeros(len(bundle.items), dtype=np.bool_)
    candidates[places[cases.candidates & (places >= 0)]] = True
    ends = events.ends_before(cases.window.start)
    return replace(
        cases,
        ends=ends[cases.subjects],
        targets=tuple(
            np.where(places[targets] >= 0, places[targets], -1 - targets)
            for targets in cases.targets
        ),
        candidates=candidates,
    )


def _sources(bundle: Bundle, ground: Ground) -> dict[str, Source]:
    """The bundle's sources as they would have been at the ground's moment."""
    sources: dict[str, Source] = {}
    for name, source in bundle.sources.items():
        fit, settings = SOURCES[name].fit, _settings(bundle, name)
        sources[name] = source if fit is None or settings is None else fit(ground, settings)
    return sources


def _settings(bundle: Bundle, name: str) -> Settings | None:
    """What a source can be fitted again with; None where a training stage of its own made it, its
    texts are not in the bundle, or the settings it learned with were not recorded."""
    kind = SOURCES[name]
    if kind.fit is None or (kind.needs == "text" and _text(bundle) is None):
        return None
    manifest: dict[str, Any] = bundle.manifest
    records = {record["name"]: record.get("settings", {}) for record in manifest["sources"]}
    # Versions of an earlier release tell some of it among the parameters only.
    params = {key: manifest["params"].get(f"{name}_{key}") for key in kind.learned}
    settings = {**params, **records.get(name, {}), **bundle.sources[name].settings()}
    return None if None in settings.values() else settings


def _text(bundle: Bundle, name: str = "vector") -> F32 | None:
    """The text vectors of the bundle's items, if it holds them. Text does not age."""
    source = bundle.sources.get("content")
    return None if source is None else source.tensors().get(name)
