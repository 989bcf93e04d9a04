"""The table of score sources: one line a source, one file a kind; neighbours learn in `links`."""

from collections.abc import Callable
from dataclasses import dataclass

from training.engine.arrays import Settings, Tensors
from training.engine.sources import content, neighbours, own, popularity, repeats, sequence
from training.engine.sources.source import Ground, Source


@dataclass(frozen=True)
class SourceKind:
    """How a source is restored, and how it is fitted where that takes seconds.

    fit is None for a source that its own training stage makes. options: settings tried on the
    fusion window, half-lives for subjects who come back once a month; learned: the settings that
    only a new fit can change; needs: what the tenant's data must offer ("text", "repeats", or
    nothing).
    """

    kind: str
    restore: Callable[[Tensors, Settings], Source]
    fit: Callable[[Ground, Settings], Source] | None = None
    options: tuple[Settings, ...] = ({},)
    learned: frozenset[str] = frozenset()
    needs: str = ""


_HALF_LIVES = (15.0, 60.0, 120.0, 240.0)

SOURCES: dict[str, SourceKind] = {
    "own_history": SourceKind(
        "own_history",
        own.restore,
        own.fit,
        tuple({"half_life_days": days} for days in _HALF_LIVES),
        needs="repeats",
    ),
    "own_repeats": SourceKind("repeats", repeats.restore, repeats.fit, needs="repeats"),
    "popular_7d": SourceKind(
        "popularity", popularity.restore, popularity.fit, ({"window_days": 7},)
    ),
    "popular_30d": SourceKind(
        "popularity", popularity.restore, popularity.fit, ({"window_days": 30},)
    ),
    "neighbours": SourceKind(
        "neighbours",
        neighbours.restore,
        neighbours.fit,
        tuple(
            {"ridge": ridge, "half_life_days": days} for ridge in (1.0, 4.0) for days in _HALF_LIVES
        ),
        learned=frozenset({"ridge"}),
    ),
    "neighbours_text": SourceKind(
        "neighbours",
        neighbours.restore,
        neighbours.fit,
        tuple(
            {"ridge": ridge, "text": text, "half_life_days": days}
            for ridge, text in ((2.0, 2.0), (4.0, 8.0))
            for days in _HALF_LIVES
        ),
        learned=frozenset({"ridge", "text"}),
        needs="text",
    ),
    "content": SourceKind(
        "content",
        content.restore,
        content.fit,
        tuple({"half_life_days": days} for days in _HALF_LIVES[1:3]),
        needs="text",
    ),
    "content_matched": SourceKind("content", content.restore, needs="text"),
    "sequence": SourceKind("sequence", sequence.restore),
    "sequence_finetuned": SourceKind("sequence", sequence.restore, needs="text"),
}
