"""Items that the same subjects take up: EASE up to 10,000 items, cosine neighbours above.

Both learn from recency-decayed weights. Where a share of text is asked for, every direction of the
text vectors counts as one more subject, who took up each item as far as its text points there:
sparse items lean on what they are about, and an item that nobody has met finds its neighbours. Only
the strongest links of each item are kept, and it is these that are evaluated and served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sparse

from training.engine.arrays import DAY, F32, I64, AnyArray, Settings, Tensors
from training.engine.history import Past
from training.engine.links import cosine, ease
from training.engine.reasons import NO_CAUSE, Cause
from training.engine.sources.source import Ground, one_by_one, per_item

EASE_LIMIT = 10_000  # items; the dense inverse costs items^2 memory and items^3 time
_MANY = 16  # pasts for which a matrix of all links is worth its memory
_CODES = {True: "people_who_bought", False: "similar_text"}


@dataclass(frozen=True)
class Neighbours:
    """link: int32 [items, links], the items that an item points at; strength: float16, same shape;
    together: uint8, same shape, whether subjects have taken up both, or only their texts are
    alike."""

    link: AnyArray
    strength: AnyArray
    together: AnyArray
    half_life_days: float

    def score(self, past: Past, now: float) -> F32:
        items, amounts = self._amounts(past, now)
        pushes = self.strength[items].astype(np.float32) * amounts[:, None]
        total = np.bincount(
            self.link[items].ravel(), weights=pushes.ravel(), minlength=len(self.link)
        )
        return total.astype(np.float32)

    def score_all(self, pasts: Sequence[Past], now: float) -> F32:
        if len(pasts) < _MANY:
            return one_by_one(self, pasts, now)
        told = [self._amounts(past, now) for past in pasts]
        ends = np.cumsum([0, *(len(items) for items, _ in told)])
        met = np.concatenate([items for items, _ in told])
        pushed = np.concatenate([amounts for _, amounts in told])
        amounts = sparse.csr_matrix((pushed, met, ends), shape=(len(pasts), len(self.link)))
        return np.asarray((amounts @ self._links).toarray(), dtype=np.float32)

    def level(self, scores: F32, items: I64) -> F32:
        some = scores[items]
        return (np.sign(some) * np.log1p(10.0 * np.abs(some))).astype(np.float32)

    def causes(self, past: Past, now: float, items: list[int]) -> list[Cause]:
        met, amounts = self._amounts(past, now)
        link, strength = self.link[met], self.strength[met].astype(np.float32)
        causes = []
        for item in items:
            mine = link == item
            pushes = (strength * mine).sum(axis=1) * amounts
            best = int(np.argmax(pushes))
            code = _CODES[bool((self.together[met[best]] * mine[best]).any())]
            causes.append(Cause(code, int(met[best])) if pushes[best] > 0.0 else NO_CAUSE)
        return causes

    def tensors(self) -> Tensors:
        return {"link": self.link, "strength": self.strength, "together": self.together}

    def settings(self) -> Settings:
        return {"half_life_days": self.half_life_days}

    @cached_property
    def _links(self) -> sparse.csr_matrix:
        """The strengths as a matrix, float32 [items, items]; made when many pasts are scored."""
        rows = len(self.link)
        ends = np.arange(rows + 1) * self.link.shape[1]
        strength = self.strength.astype(np.float32).ravel()
        return sparse.csr_matrix((strength, self.link.ravel(), ends), shape=(rows, rows))

    def _amounts(self, past: Past, now: float) -> tuple[I64, F32]:
        items, total = per_item(past, past.decayed(now, self.half_life_days))
        return items, np.sign(total) * np.sqrt(np.abs(total))


def fit(ground: Ground, settings: Settings) -> Neighbours:
    """Learn the links from the events before the ground's moment.

    settings: ridge (share of the mean diagonal that EASE adds to it), text (the same share of what
    texts add, 0 if missing; needs `ground.text`), half_life_days (of events while scoring; while
    learning, a third of the time that the data span).
    """
    taken, text = _taken(ground), float(settings.get("text", 0.0))
    vectors = _unit(ground) if text else None
    small = ground.item_count <= EASE_LIMIT
    learn = ease.learn if small else cosine.learn
    link, strength, together = learn(taken, float(settings["ridge"]), text, vectors)
    return Neighbours(link, strength, together, float(settings["half_life_days"]))


def restore(tensors: Tensors, settings: Settings) -> Neighbours:
    link = tensors["link"]
    together = tensors.get("together", np.ones(link.shape, dtype=np.uint8))  # of an earlier release
    return Neighbours(link, tensors["strength"], together, float(settings["half_life_days"]))


def _unit(ground: Ground) -> F32:
    if ground.text is None:
        raise ValueError("a share of text needs text vectors")
    length = np.linalg.norm(ground.text, axis=1, keepdims=True)
    return np.asarray(ground.text / np.maximum(length, 1e-9), dtype=np.float32)


def _taken(ground: Ground) -> sparse.csr_matrix:
    """Decayed weight of every subject on every item, [subjects, items], negatives cut at 0."""
    events = ground.snapshot.events
    early = events.time < ground.moment
    age = ground.moment - events.time[early]
    half_life = max(float(age.max()) / 3.0, DAY)
    age *= -1.0 / half_life
    weight = np.exp2(age, out=age)
    weight *= events.weight[early]
    # Events lie by subject, so the rows of the matrix are there already.
    ends = np.concatenate(([0], np.cumsum(events.ends_before(ground.moment) - events.offsets[:-1])))
    matrix = sparse.csr_matrix(
        (weight.astype(np.float32), events.item[early].astype(np.int32), ends),
        shape=(events.subjects, ground.item_count),
    )
    matrix.sum_duplicates()
    matrix.data = np.maximum(matrix.data, 0.0)
    return matrix
