"""Features of items, by themselves and for one person: one value for each of `items`, float64 [c].

Pure numpy; items are positions in the catalogue; NaN means unknown.
"""

import numpy as np

from training.engine.arrays import DAY, F64, I64
from training.engine.features.facts import NONE, ItemFacts
from training.engine.features.subject import category_shares, open_session, price_level
from training.engine.history import Past


def price_band(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """Which share of the priced items is cheaper."""
    return facts.band[items].astype(np.float64)


def age_days(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """Days since the item was listed or first taken up."""
    since = facts.known_from[items]
    age = np.maximum(0.0, (now - since) / DAY)
    return np.where(np.isfinite(since), age, np.nan)


def own_acts(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """How many acts of the person are on the item."""
    return _summed(past.item, np.ones(len(past)), items)


def own_recency_days(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """Days since the person's last act on the item."""
    last = _last(past, items)
    return np.where(np.isfinite(last), np.maximum(0.0, (now - last) / DAY), np.nan)


def due(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """Days since the person's last act on the item, as a multiple of the mean days between the
    earlier ones: 1 is when it is due again. Needs two acts that are not of one moment."""
    first, last = -_last(past, items, sign=-1.0), _last(past, items)
    count = own_acts(past, facts, now, items)
    again = (count > 1.0) & (last > first)
    gap = np.divide(last - first, count - 1.0, out=np.ones(len(items)), where=again)
    return np.where(again, np.maximum(0.0, now - last) / gap, np.nan)


def spent_share(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """Which share of the person's money went into the item."""
    paid = past.value.astype(np.float64)
    total = paid.sum()
    if total <= 0.0:
        return np.full(len(items), np.nan)
    return np.asarray(_summed(past.item, paid, items) / total)


def in_session(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """1 where an act of the session that is still open is on the item."""
    return np.isin(items, past.item[open_session(past, now) :]).astype(np.float64)


def category_affinity(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """Which share of all that the person likes lies in the item's category."""
    shares, codes = category_shares(past, facts), facts.category[items]
    met = (codes != NONE) & (codes < len(shares))
    return np.where(codes == NONE, np.nan, np.where(met, shares[np.where(met, codes, 0)], 0.0))


def price_gap(past: Past, facts: ItemFacts, now: float, items: I64) -> F64:
    """The item's price band less the person's price level: above 0 is dearer than they like."""
    return price_band(past, facts, now, items) - price_level(past, facts, now)


def _last(past: Past, items: I64, sign: float = 1.0) -> F64:
    """The latest `sign` x time of the acts on each item; -inf where there is none."""
    known, inverse = np.unique(past.item, return_inverse=True)
    latest = np.full(len(known), -np.inf)
    np.maximum.at(latest, inverse, sign * past.time)
    return _looked_up(known, latest, items, -np.inf)


def _summed(own: I64, amounts: F64, items: I64) -> F64:
    """The sum of `amounts` over the acts on each item."""
    known, inverse = np.unique(own, return_inverse=True)
    sums = np.bincount(inverse, weights=amounts, minlength=len(known)).astype(np.float64)
    return _looked_up(known, sums, items, 0.0)


def _looked_up(known: I64, values: F64, items: I64, absent: float) -> F64:
    """The value of each item out of those of the rising `known`."""
    if not len(known):
        return np.full(len(items), absent)
    place = np.minimum(np.searchsorted(known, items), len(known) - 1)
    return np.where(known[place] == items, values[place], absent)
