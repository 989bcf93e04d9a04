"""Links by cosines, shrunk by how often an item was met: sparse, for catalogues that are too large
for a dense inverse."""

import numpy as np
import scipy.sparse as sparse

from training.engine.arrays import F32, F64, AnyArray
from training.engine.links.kept import MOST, Learnt, Links, blocks, cuts, stacked, strongest

_SHRINK = 5.0
_TEXT_BESIDE = 0.05


def learn(taken: sparse.csr_matrix, ridge: float, text: float, vectors: F32 | None) -> Learnt:
    """Links by the cosine of who took up both items; a share of text adds the cosine of texts."""
    norm = np.sqrt(np.asarray(taken.multiply(taken).sum(axis=0))).ravel() + 1e-9
    by_item = (taken @ sparse.diags(1.0 / norm)).tocsc().T.tocsr().astype(np.float32)
    met = np.asarray((taken > 0).sum(axis=0)).ravel()
    trust: F64 = met / (met + _SHRINK)
    if vectors is None:
        links, strengths = _met_together(by_item, trust.astype(np.float32))
        return links, strengths, np.ones(links.shape, dtype=np.uint8)
    parts = []
    for rows in blocks(by_item.shape[0]):
        block = (by_item[rows] @ by_item.T).toarray().astype(np.float32)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0.0
        block *= trust[None, :].astype(np.float32)
        block += _TEXT_BESIDE * text * (vectors[rows] @ vectors.T)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = 0.0
        parts.append(strongest(block))
    links, strengths = stacked(parts)
    return links, strengths, _together(taken, links)


def _met_together(by_item: sparse.csr_matrix, trust: F32) -> Links:
    """The same from what was met together alone: nothing is spent on pairs that nobody met."""
    items, count = by_item.shape[0], min(MOST, by_item.shape[0])
    link = np.zeros((items, count), dtype=np.int32)
    strength = np.zeros((items, count), dtype=np.float16)
    by_subject = by_item.T.tocsr()
    work = by_item.astype(bool) @ np.diff(by_subject.indptr)  # products that each row takes
    for rows in cuts(work):
        product = by_item[rows] @ by_subject
        for row in range(rows.start, rows.stop):
            inside = row - rows.start
            part = slice(product.indptr[inside], product.indptr[inside + 1])
            near = product.indices[part]
            cosine = product.data[part] * trust[near] * (near != row)
            if len(near) > count:
                kept = np.argpartition(-cosine, count - 1)[:count]
                near, cosine = near[kept], cosine[kept]
            order = np.argsort(near)
            link[row, : len(near)] = near[order]
            strength[row, : len(near)] = cosine[order]
    return link, strength


def _together(taken: sparse.csr_matrix, link: AnyArray) -> AnyArray:
    """Which links join items that some subject has both taken up, uint8."""
    by_item = (taken > 0).astype(np.float32).T.tocsr()
    met = np.zeros(link.shape, dtype=np.uint8)
    for rows in blocks(len(link)):
        both = (by_item[rows] @ by_item.T).toarray() > 0
        met[rows] = np.take_along_axis(both, link[rows].astype(np.int64), axis=1)
    return met
