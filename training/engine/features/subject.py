"""Features of one person: what their past adds up to at a moment. Pure numpy; NaN means unknown.

A session ends with 30 minutes without an act, the usual rule of web analytics (Google Analytics'
default). Hours are of UTC: nothing here knows where a person lives.
"""

import numpy as np

from training.engine.arrays import DAY, F32, F64, I64
from training.engine.features.facts import NONE, ItemFacts
from training.engine.history import Past

LONG_AGO = 3650.0  # days; nobody's last act counts as older
SESSION_SECONDS = 1_800.0
_LEAST_AGREEMENT = 1e-6  # acts spread evenly round the clock have no usual hour


def recency_days(past: Past, facts: ItemFacts, now: float) -> float:
    """Days since the last act."""
    return float(past.age_days(now).min(initial=LONG_AGO))


def acts(past: Past, facts: ItemFacts, now: float) -> float:
    """How many acts there are."""
    return float(len(past))


def active_days(past: Past, facts: ItemFacts, now: float) -> float:
    """On how many days there was any."""
    return float(len(days_of(past)))


def acts_per_week(past: Past, facts: ItemFacts, now: float) -> float:
    """Acts per week since the first one, at least a week ago."""
    weeks = float(past.age_days(now).max(initial=0.0)) / 7.0
    return len(past) / max(weeks, 1.0)


def usual_gap_days(past: Past, facts: ItemFacts, now: float) -> float:
    """The median of the days between two active days."""
    gaps = np.diff(days_of(past))
    return float(np.median(gaps)) if len(gaps) else np.nan


def spent(past: Past, facts: ItemFacts, now: float) -> float:
    """All the money of the purchases."""
    return float(past.value.sum(dtype=np.float64))


def spent_per_day(past: Past, facts: ItemFacts, now: float) -> float:
    """Money per day on which any was spent: the size of a basket."""
    paid = past.keep(past.value > 0.0)
    return spent(paid, facts, now) / len(days_of(paid)) if len(paid) else np.nan


def sessions(past: Past, facts: ItemFacts, now: float) -> float:
    """How many sessions the acts make."""
    return float(len(past) and 1 + int((np.diff(past.time) > SESSION_SECONDS).sum()))


def session_acts(past: Past, facts: ItemFacts, now: float) -> float:
    """Acts of the session that is still open; 0 when it is over."""
    return float(len(past) - open_session(past, now))


def usual_hour(past: Past, facts: ItemFacts, now: float) -> float:
    """The mean of the acts' hours on the circle of the day (Fisher 1993, 2.3.1)."""
    centre = np.exp(1j * angles(past.time)).mean() if len(past) else 0.0
    if abs(centre) < _LEAST_AGREEMENT:
        return np.nan
    return float(np.angle(centre) % (2.0 * np.pi) * 24.0 / (2.0 * np.pi))


def hour_fit(past: Past, facts: ItemFacts, now: float) -> float:
    """Mean cosine between the acts' hours and this one: 1 always at this hour, -1 opposite."""
    if not len(past):
        return np.nan
    return float(np.cos(angles(past.time) - angles(np.array(now))).mean())


def price_level(past: Past, facts: ItemFacts, now: float) -> float:
    """The mean price band of what the acts speak for, each act by its weight."""
    return mean_of(facts.band[past.item], liked(past))


def categories(past: Past, facts: ItemFacts, now: float) -> float:
    """How many equally liked categories would be as varied: exp of the entropy (Jost 2006)."""
    shares = category_shares(past, facts)
    present = shares[shares > 0.0]
    return float(np.exp(-(present * np.log(present)).sum())) if len(present) else np.nan


def days_of(past: Past) -> I64:
    """The days, counted from the epoch, that hold an act, rising."""
    return np.unique(np.floor(past.time / DAY).astype(np.int64))


def open_session(past: Past, now: float) -> int:
    """Where the session that is still open begins; len(past) when none is."""
    if not len(past) or now - past.time[-1] > SESSION_SECONDS:
        return len(past)
    breaks = np.flatnonzero(np.diff(past.time) > SESSION_SECONDS)
    return int(breaks[-1]) + 1 if len(breaks) else 0


def angles(time: F64) -> F64:
    """Times of day as angles."""
    turned: F64 = time % DAY * (2.0 * np.pi / DAY)
    return turned


def liked(past: Past) -> F64:
    """What each act says for its item: its weight, nothing where it speaks against."""
    return np.maximum(past.weight, 0.0).astype(np.float64)


def category_shares(past: Past, facts: ItemFacts) -> F64:
    """Which share of all that is liked falls to each category, by its code."""
    codes = facts.category[past.item]
    known = codes != NONE
    sums = np.bincount(codes[known], weights=liked(past)[known], minlength=1)
    total = sums.sum()
    return sums / total if total > 0.0 else np.zeros(len(sums))


def mean_of(values: F32, weights: F64) -> float:
    """The weighted mean of the known values."""
    known = np.isfinite(values)
    total = weights[known].sum()
    return float((values[known] * weights[known]).sum() / total) if total > 0.0 else np.nan
