"""The table of features: one line each. Training, answers and pages compute them here alone.

To add one, write its function and a line; `docs/features.md` and the dashboard's words follow, and
tests hold them together. Names are stored in bundles: never give an old name another meaning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, F64, I64
from training.engine.features import item, subject
from training.engine.features.facts import ItemFacts
from training.engine.history import Past

OfSubject = Callable[[Past, ItemFacts, float], float]
OfItems = Callable[[Past, ItemFacts, float, I64], F64]
Reading = Callable[[F64], F64]


@dataclass(frozen=True)
class Feature:
    """One line. unit: days, acts, money, sessions, hour, share, or "" for a plain figure; read: how
    a ranker takes it, on a scale without extremes (what is unknown reads as 0)."""

    unit: str
    meaning: str
    read: Reading


@dataclass(frozen=True)
class SubjectFeature(Feature):
    """A value for a person at a moment."""

    compute: OfSubject


@dataclass(frozen=True)
class ItemFeature(Feature):
    """A value for each of some items, for a person at a moment."""

    compute: OfItems


def _plain(value: F64) -> F64:
    return value


def _fading(value: F64) -> F64:
    """Days or multiples from 0 up: 1 for none, 0 for endless."""
    faded: F64 = 1.0 / (1.0 + value)
    return faded


SUBJECT_FEATURES: dict[str, SubjectFeature] = {
    "recency_days": SubjectFeature(
        "days", "Time since the last act.", np.log1p, subject.recency_days
    ),
    "acts": SubjectFeature("acts", "Acts that count.", np.log1p, subject.acts),
    "active_days": SubjectFeature(
        "days", "Days on which there was any act.", np.log1p, subject.active_days
    ),
    "acts_per_week": SubjectFeature(
        "acts", "Acts per week since the first one.", np.log1p, subject.acts_per_week
    ),
    "usual_gap_days": SubjectFeature(
        "days", "Usual time from one active day to the next.", np.log1p, subject.usual_gap_days
    ),
    "spent": SubjectFeature("money", "Money of all purchases.", np.log1p, subject.spent),
    "spent_per_day": SubjectFeature(
        "money", "Money per day with a purchase.", np.log1p, subject.spent_per_day
    ),
    "sessions": SubjectFeature(
        "sessions",
        "Sessions: 30 minutes without an act end one.",
        np.log1p,
        subject.sessions,
    ),
    "session_acts": SubjectFeature(
        "acts", "Acts of the session that is open now.", np.log1p, subject.session_acts
    ),
    "usual_hour": SubjectFeature(
        "hour", "Hour of the day round which the acts lie, UTC.", _plain, subject.usual_hour
    ),
    "hour_fit": SubjectFeature(
        "",
        "Whether the acts lie at this hour of the day: 1 all of them, -1 at the opposite hour.",
        _plain,
        subject.hour_fit,
    ),
    "price_level": SubjectFeature(
        "share",
        "How dear the items are: which share of all priced items is cheaper.",
        _plain,
        subject.price_level,
    ),
    "categories": SubjectFeature(
        "",
        "Variety: so many equally liked categories would be as varied.",
        np.log1p,
        subject.categories,
    ),
}
ITEM_FEATURES: dict[str, ItemFeature] = {
    "own_acts": ItemFeature("acts", "The person's acts on the item.", np.log1p, item.own_acts),
    "own_recency_days": ItemFeature(
        "days", "Time since their last act on it.", _fading, item.own_recency_days
    ),
    "due": ItemFeature(
        "",
        "Whether it is due again: time since their last act on it by the usual time between two.",
        _fading,
        item.due,
    ),
    "spent_share": ItemFeature(
        "share", "Share of their money that went into it.", _plain, item.spent_share
    ),
    "in_session": ItemFeature(
        "", "1 where the session that is open now touched it.", _plain, item.in_session
    ),
    "category_affinity": ItemFeature(
        "share",
        "Share of all they like that lies in the item's category.",
        _plain,
        item.category_affinity,
    ),
    "price_band": ItemFeature(
        "share",
        "How dear it is: which share of all priced items is cheaper.",
        _plain,
        item.price_band,
    ),
    "price_gap": ItemFeature(
        "share",
        "How much dearer it is than what they like, below 0 cheaper.",
        _plain,
        item.price_gap,
    ),
    "age_days": ItemFeature(
        "days", "Time since the item was listed or first taken up.", np.log1p, item.age_days
    ),
}
FEATURES: dict[str, Feature] = {**SUBJECT_FEATURES, **ITEM_FEATURES}


def features_of_subject(past: Past, facts: ItemFacts, now: float) -> dict[str, float]:
    """Every feature of a person at `now` (epoch seconds); NaN where it is unknown."""
    return {name: one.compute(past, facts, now) for name, one in SUBJECT_FEATURES.items()}


def features_of_items(past: Past, facts: ItemFacts, now: float, items: I64) -> dict[str, F64]:
    """Every feature of `items` (positions) for a person, float64 [items]; NaN where unknown."""
    return {name: one.compute(past, facts, now, items) for name, one in ITEM_FEATURES.items()}


def columns_of(
    names: Sequence[str], past: Past, facts: ItemFacts, now: float, items: I64
) -> list[F32]:
    """The named features as a ranker reads them, each float32 [items], unknown ones 0."""
    columns = []
    for name in names:
        if name in SUBJECT_FEATURES:
            alike = SUBJECT_FEATURES[name].compute(past, facts, now)
            values = np.full(len(items), alike, dtype=np.float64)
        else:
            values = ITEM_FEATURES[name].compute(past, facts, now, items)
        columns.append(np.nan_to_num(FEATURES[name].read(values)).astype(np.float32))
    return columns
