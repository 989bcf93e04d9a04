"""Chooses the settings of the quickly fitted sources on the fusion window, each for its own
NDCG@10."""

from collections.abc import Callable

from training.engine.arrays import Settings
from training.engine.evaluate import Reader, judge_window
from training.engine.sources import SOURCES, SourceKind
from training.engine.sources.source import Ground, Source


def tuned(
    kind: SourceKind,
    ground: Ground,
    reader: Reader,
    fixed: Settings,
    each: Callable[[], None],
) -> tuple[Settings, Source]:
    """The best of the kind's options, with `fixed` settings taken as given, and its source.

    reader should hold a sample of cases; `each` is called after every option.
    """
    best_value, best_settings, best_source = -1.0, {}, None
    fitted: Source | None = None
    learned: Settings = {}
    for option in _distinct([{**option, **fixed} for option in kind.options]):
        wanted = {name: option[name] for name in kind.learned}
        if fitted is None or wanted != learned:
            fitted, learned = _fit(kind, ground, option), wanted
        source = kind.restore(fitted.tensors(), {**fitted.settings(), **option})
        if len(kind.options) == 1:
            return option, source
        value = float(judge_window(reader, {"one": source}, None, _quiet).ndcg("one").mean())
        if value > best_value:
            best_value, best_settings, best_source = value, option, source
        each()
    if best_source is None:
        raise ValueError("a source kind needs at least one option")
    return best_settings, best_source


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


def _distinct(options: list[Settings]) -> list[Settings]:
    return list({tuple(sorted(option.items())): option for option in options}.values())


def _quiet(done: int, all_cases: int) -> None:
    return None
