"""Items that the same subjects take up: EASE up to 10,000 items, cosine neighbours above.

EASE: H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data (WWW 2019), here on
recency-decayed weights. Where a share of text is asked for, every direction of the text vectors
counts as one more subject, who took up each item as far as its text points there (after Jeunen et
al., Closed-Form Models for Collaborative Filtering with Side-Information, RecSys 2020): sparse
items lean on what they are about, and an item that nobody has met finds its neighbours. Only the
strongest links of each item are kept, and it is these that are evaluated and served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import scipy.sparse as sparse
from scipy.linalg import lapack, solve_triangular

from training.engine.arrays import DAY, F32, F64, I64, AnyArray, Settings, Tensors
from training.engine.history import Past
from training.engine.reasons import NO_CAUSE, Cause
from training.engine.sources.source import Ground, one_by_one, per_item

EASE_LIMIT = 10_000  # items; the dense inverse costs items^2 memory and items^3 time
_LINKS = 256
_BLOCK = 10_000_000  # elements of the item-item product that are worked on at once
_SHRINK = 5.0
_MANY = 16  # pasts for which a matrix of all links is worth its memory
_TEXT_BESIDE_COSINE = 0.05
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
    learn = _ease if small else _cosine
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


def _together(taken: sparse.csr_matrix, link: AnyArray) -> AnyArray:
    """Which links join items that some subject has both taken up, uint8."""
    by_item = (taken > 0).astype(np.float32).T.tocsr()
    met = np.zeros(link.shape, dtype=np.uint8)
    for rows in _blocks(len(link)):
        both = (by_item[rows] @ by_item.T).toarray() > 0
        met[rows] = np.take_along_axis(both, link[rows].astype(np.int64), axis=1)
    return met


def _taken(ground: Ground) -> sparse.csr_matrix:
    """Decayed weight of every subject on every item, [subjects, items], negatives cut at 0."""
    events = ground.snapshot.events
    early = events.time < ground.moment
    age = ground.moment - events.time[early]
    half_life = max(float(age.max()) / 3.0, DAY)
    weight = events.weight[early] * np.exp2(-age / half_life)
    matrix = sparse.coo_matrix(
        (weight.astype(np.float32), (events.subject[early], events.item[early])),
        shape=(events.subjects, ground.item_count),
    ).tocsr()
    matrix.data = np.maximum(matrix.data, 0.0)
    return matrix


def _ease(
    taken: sparse.csr_matrix, ridge: float, text: float, vectors: F32 | None
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Links, their strengths, and which of them join items that somebody took up both.

    Inverts what was met alone, since the rest of the matrix is diagonal; texts, of far fewer
    directions than there are items, are brought into the inverse afterwards (Woodbury)."""
    items = taken.shape[1]
    met = np.flatnonzero(np.diff(taken.tocsc().indptr))
    gram = _gram(taken[:, met])
    joint = gram > 0.0 if vectors is not None else None
    unit = max(float(np.trace(gram)) / items, 1e-6)
    gram[np.diag_indices(len(gram))] += ridge * unit
    inverse = _inverted(gram)
    own = np.full(items, 1.0 / (ridge * unit), dtype=np.float32)
    own[met] = np.diag(inverse)
    taken_off = None
    if vectors is not None:
        taken_off = _taken_off(inverse, met, own, np.sqrt(np.float32(text * unit)) * vectors)
        own -= np.einsum("nd,nd->n", taken_off, taken_off)
    strongest, together = [], []
    for rows in _blocks(items):
        weights = np.zeros((rows.stop - rows.start, items), dtype=np.float32)
        first, last = np.searchsorted(met, (rows.start, rows.stop))
        inside = np.ix_(met[first:last] - rows.start, met)
        weights[inside] = inverse[first:last]
        if taken_off is not None:
            weights -= taken_off[rows] @ taken_off.T
        weights /= -own
        weights[np.arange(len(weights)), np.arange(rows.start, rows.stop)] = 0.0
        strongest.append(_strongest(weights))
        if joint is not None:
            both = np.zeros(weights.shape, dtype=np.uint8)
            both[inside] = joint[first:last]
            link = strongest[-1][0].astype(np.int64)
            together.append(np.take_along_axis(both, link, axis=1))
    links, strengths = _stacked(strongest)
    told = np.concatenate(together) if together else np.ones(links.shape, dtype=np.uint8)
    return links, strengths, told


def _inverted(gram: F32) -> F32:
    """The inverse of a symmetric positive definite matrix, in its own memory."""
    # The transpose is the same matrix in the column order that LAPACK overwrites in place.
    factor, failed = lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    inverse, failed_too = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise ArithmeticError("the item-item matrix is not positive definite")
    inverse = inverse.T  # upper triangle filled
    for rows in _blocks(len(inverse)):
        inverse[rows, : rows.start] = inverse[: rows.start, rows].T
        square = np.triu(inverse[rows, rows])
        inverse[rows, rows] = square + np.triu(square, 1).T
    return np.asarray(inverse)


def _taken_off(inverse: F32, met: I64, alone: F32, added: F32) -> F32:
    """u with (D + a a')^-1 = D^-1 - u u', float32 [items, directions]. D^-1 is `inverse` among the
    met items and the diagonal `alone` beside them; added: a."""
    moved = alone[:, None] * added
    moved[met] = inverse @ added[met]
    inner = np.eye(added.shape[1]) + added.T.astype(np.float64) @ moved
    factor = np.linalg.cholesky(inner)
    taken_off: F32 = solve_triangular(factor.astype(np.float32), moved.T, lower=True).T.copy()
    return taken_off


def _gram(taken: sparse.csr_matrix) -> F32:
    by_item = taken.T.tocsr()
    gram = np.empty((taken.shape[1], taken.shape[1]), dtype=np.float32)
    for rows in _blocks(len(gram)):
        gram[rows] = (by_item[rows] @ taken).toarray()
    return gram


def _cosine(
    taken: sparse.csr_matrix, ridge: float, text: float, vectors: F32 | None
) -> tuple[AnyArray, AnyArray, AnyArray]:
    """The same by cosines shrunk by how often an item was met; a share of text adds those of
    texts."""
    norm = np.sqrt(np.asarray(taken.multiply(taken).sum(axis=0))).ravel() + 1e-9
    by_item = (taken @ sparse.diags(1.0 / norm)).tocsc().T.tocsr().astype(np.float32)
    met = np.asarray((taken > 0).sum(axis=0)).ravel()
    trust: F64 = met / (met + _SHRINK)
    if vectors is None:
        links, strengths = _met_together(by_item, trust.astype(np.float32))
        return links, strengths, np.ones(links.shape, dtype=np.uint8)
    strongest = []
    for rows in _blocks(by_item.shape[0]):
        block = (by_item[rows] @ by_item.T).toarray().astype(np.float32)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0.0
        block *= trust[None, :].astype(np.float32)
        block += _TEXT_BESIDE_COSINE * text * (vectors[rows] @ vectors.T)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0.0
        strongest.append(_strongest(block))
    links, strengths = _stacked(strongest)
    return links, strengths, _together(taken, links)


def _met_together(by_item: sparse.csr_matrix, trust: F32) -> tuple[AnyArray, AnyArray]:
    """The same from what was met together alone: nothing is spent on pairs that nobody met."""
    items, count = by_item.shape[0], min(_LINKS, by_item.shape[0])
    link = np.zeros((items, count), dtype=np.int32)
    strength = np.zeros((items, count), dtype=np.float16)
    by_subject = by_item.T.tocsr()
    work = by_item.astype(bool) @ np.diff(by_subject.indptr)  # products that each row takes
    cuts = np.flatnonzero(np.diff(np.cumsum(work) // _BLOCK)) + 1
    edges = [0, *cuts.tolist(), items]
    for first, end in pairwise(edges):
        product = by_item[first:end] @ by_subject
        for row in range(first, end):
            part = slice(product.indptr[row - first], product.indptr[row - first + 1])
            near = product.indices[part]
            cosine = product.data[part] * trust[near] * (near != row)
            if len(near) > count:
                kept = np.argpartition(-cosine, count - 1)[:count]
                near, cosine = near[kept], cosine[kept]
            order = np.argsort(near)
            link[row, : len(near)] = near[order]
            strength[row, : len(near)] = cosine[order]
    return link, strength


def _blocks(count: int) -> list[slice]:
    size = max(1, _BLOCK // count)
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]


def _stacked(parts: list[tuple[AnyArray, AnyArray]]) -> tuple[AnyArray, AnyArray]:
    return np.concatenate([link for link, _ in parts]), np.concatenate([s for _, s in parts])


def _strongest(weights: F32) -> tuple[AnyArray, AnyArray]:
    """The links of largest size in each row, by rising item so that equal inputs give equal
    files."""
    count = min(_LINKS, weights.shape[1])
    size = np.abs(weights)
    edge = np.partition(size, size.shape[1] - count, axis=1)[:, -count]
    strong = size >= edge[:, None]
    # Where some are as strong as the weakest that is kept, which of them are kept is settled.
    for row in np.flatnonzero(np.count_nonzero(strong, axis=1) != count):
        strong[row] = False
        strong[row, np.argpartition(-size[row], count - 1)[:count]] = True
    link = strong.nonzero()[1].reshape(len(weights), count)
    strength = np.take_along_axis(weights, link, axis=1)
    return link.astype(np.int32), strength.astype(np.float16)
