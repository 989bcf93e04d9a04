"""Chooses the settings of the quickly fitted sources on the fusion window, each for its own
NDCG@10."""

from collections.abc import Callable, Mapping

import numpy as np

from training.engine.arrays import Settings
from training.engine.evaluate import Reader, judge_window
from training.engine.pace import MONTH, pace_days
from training.engine.sources import SOURCES, SourceKind
from training.engine.sources.source import Ground, Source


def tuned(
    kind: SourceKind,
    ground: Ground,
    reader: Reader,
    fixed: Settings,
    each: Callable[[int, int], None],
) -> tuple[Settings, Source | None]:
    """The best of the kind's options at the pace of the data, with `fixed` settings taken as given,
    and the source that was fitted with it, None where there was nothing to choose.

    reader should hold a sample of cases; `each` is called after every case with (done, all).
    """
    pace = pace_days(ground.snapshot.events, ground.moment)
    paced = [{**option, **fixed} for option in options_at(kind, pace)]
    options = list({tuple(sorted(option.items())): option for option in paced}.values())
    if len(options) == 1:
        return options[0], None
    best: tuple[Settings, Source | None] = options[0], None
    best_value = -np.inf
    fitted: Source | None = None
    learned: Settings = {}
    for option in options:
        wanted = {name: option[name] for name in kind.learned}
        if fitted is None or wanted != learned:
            fitted, learned = _fit(kind, ground, option), wanted
        source = kind.restore(fitted.tensors(), {**fitted.settings(), **option})
        value = float(judge_window(reader, {"one": source}, None, each).ndcg("one").mean())
        if value > best_value:
            best, best_value = (option, source), value
    return best


def fit_all(
    chosen: dict[str, Settings],
    ground: Ground,
    each: Callable[[], None],
    there: Mapping[str, Source] | None = None,
) -> dict[str, Source]:
    """Every source of `chosen`, fitted on the ground with its settings. there: those that have
    been."""
    sources = dict(there or {})
    for name in [name for name in chosen if name not in sources]:
        sources[name] = _fit(SOURCES[name], ground, chosen[name])
        each()
    return {name: sources[name] for name in chosen}


def _fit(kind: SourceKind, ground: Ground, settings: Settings) -> Source:
    if kind.fit is None:
        raise ValueError("this source is made by its own training stage")
    return kind.fit(ground, settings)


def options_at(kind: SourceKind, pace: float) -> list[Settings]:
    """The kind's options for subjects who come back every `pace` days."""
    return [
        {
            name: float(f"{value * pace / MONTH:.4g}") if name == "half_life_days" else value
            for name, value in option.items()
        }
        for option in kind.options
    ]
