"""Chooses the settings of the quickly fitted sources on the fusion window, each for its own
NDCG@10."""

from collections.abc import Callable

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
) -> Settings:
    """The best of the kind's options at the pace of the data, with `fixed` settings taken as given.

    reader should hold a sample of cases; `each` is called after every case with (done, all).
    """
    pace = pace_days(ground.snapshot.events, ground.moment)
    paced = [{**option, **fixed} for option in options_at(kind, pace)]
    options = list({tuple(sorted(option.items())): option for option in paced}.values())
    if len(options) == 1:
        return options[0]
    values = []
    fitted: Source | None = None
    learned: Settings = {}
    for option in options:
        wanted = {name: option[name] for name in kind.learned}
        if fitted is None or wanted != learned:
            fitted, learned = _fit(kind, ground, option), wanted
        source = kind.restore(fitted.tensors(), {**fitted.settings(), **option})
        values.append(judge_window(reader, {"one": source}, None, each).ndcg("one").mean())
    return options[int(np.argmax(values))]


def fit_all(
    chosen: dict[str, Settings], ground: Ground, each: Callable[[], None]
) -> dict[str, Source]:
    """Every source of `chosen`, fitted on the ground with its settings."""
    sources = {}
    for name, settings in chosen.items():
        sources[name] = _fit(SOURCES[name], ground, settings)
        each()
    return sources


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
