"""Settles which sources this tenant's data allow, and the settings of those that are fitted
quickly."""

from collections.abc import Callable
from dataclasses import dataclass, field

from training.engine.arrays import Settings
from training.engine.evaluate import Reader
from training.engine.sources import SOURCES
from training.engine.sources.source import Ground, Source
from training.engine.split import Split
from training.engine.tuning import tuned
from training.engine.workbench import Workbench

_KEY = "tune"
_WATCHED = 400  # subjects that options are compared on

# Parameters of the job that take the place of an option: source -> setting -> parameter.
_GIVEN = {
    "own_history": {"half_life_days": "own_half_life_days"},
    "neighbours": {"half_life_days": "neighbours_half_life_days", "ridge": "neighbours_ridge"},
    "neighbours_text": {"half_life_days": "neighbours_half_life_days", "ridge": "neighbours_ridge"},
    "content": {"half_life_days": "content_half_life_days"},
}


@dataclass(frozen=True)
class Chosen:
    """settings: per quickly fitted source; skipped: source -> code of why it is left out; fitted:
    sources that were fitted with these settings up to the fusion window, if they are at hand."""

    settings: dict[str, Settings]
    skipped: dict[str, str]
    fitted: dict[str, Source] = field(default_factory=dict)


def choose_settings(bench: Workbench, ground: Ground, parts: Split, unread: str) -> Chosen:
    """Compare the options of every source on the fusion window. unread: why there are no text
    vectors, where there are none."""
    missing = {"text": "" if ground.text is not None else unread}
    missing["repeats"] = "" if parts.repeats else "no_repeats"
    skipped = {
        name: missing[kind.needs] for name, kind in SOURCES.items() if missing.get(kind.needs)
    }
    saved = bench.checkpoints.load(_KEY)
    if saved:
        return Chosen(dict(saved.facts), skipped)
    cases = parts.cases["fusion"].sample(_WATCHED, seed=bench.seed(60))
    limit = bench.job.count("history_limit")
    snapshot = ground.snapshot
    reader = Reader(snapshot.events, cases, parts.repeats, limit, snapshot.catalogue.facts)
    names = [name for name, kind in SOURCES.items() if kind.fit and name not in skipped]
    settings: dict[str, Settings] = {}
    fitted: dict[str, Source] = {}
    for index, name in enumerate(names):
        fixed = {
            setting: bench.job.params[param]
            for setting, param in _GIVEN.get(name, {}).items()
            if bench.job.params[param] is not None
        }
        settings[name], source = tuned(SOURCES[name], ground, reader, fixed, _stopping(bench))
        if source:
            fitted[name] = source
        bench.progress.step(index + 1, len(names))
    bench.checkpoints.save(_KEY, {}, settings)
    return Chosen(settings, skipped, fitted)


def _stopping(bench: Workbench) -> Callable[[int, int], None]:
    """Lets the run stop between two cases."""
    return lambda done, every: bench.stop.check()
