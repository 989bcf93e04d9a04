"""Links by EASE: a regression of every item on all others in closed form, dense over the items.

H. Steck, Embarrassingly Shallow Autoencoders for Sparse Data (WWW 2019). Texts join after Jeunen et
al., Closed-Form Models for Collaborative Filtering with Side-Information (RecSys 2020).
"""

import numpy as np
import scipy.sparse as sparse
from scipy.linalg import lapack, solve_triangular

from training.engine.arrays import F32, I64
from training.engine.links.kept import Learnt, blocks, stacked, strongest


def learn(taken: sparse.csr_matrix, ridge: float, text: float, vectors: F32 | None) -> Learnt:
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
    parts, together = [], []
    for rows in blocks(items):
        weights = np.zeros((rows.stop - rows.start, items), dtype=np.float32)
        first, last = np.searchsorted(met, (rows.start, rows.stop))
        inside = np.ix_(met[first:last] - rows.start, met)
        weights[inside] = inverse[first:last]
        if taken_off is not None:
            weights -= taken_off[rows] @ taken_off.T
        weights /= -own
        weights[np.arange(len(weights)), np.arange(rows.start, rows.stop)] = 0.0
        parts.append(strongest(weights))
        if joint is not None:
            both = np.zeros(weights.shape, dtype=np.uint8)
            both[inside] = joint[first:last]
            link = parts[-1][0].astype(np.int64)
            together.append(np.take_along_axis(both, link, axis=1))
    links, strengths = stacked(parts)
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
    for rows in blocks(len(inverse)):
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
    for rows in blocks(len(gram)):
        gram[rows] = (by_item[rows] @ taken).toarray()
    return gram
