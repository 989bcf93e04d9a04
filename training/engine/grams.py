"""Reads texts of any language without a base model: by short runs of characters, weighed by how
rare they are in the tenant's own texts, and turned to the directions in which these texts differ.

Knows no meaning that the tenant's texts do not show, and finds what is written alike: beside a base
model it tells brands, sizes and part numbers, and it takes the place of one that cannot read them.
Latent semantic analysis (Deerwester et al., JASIS 1990) on hashed character n-grams (Weinberger et
al., ICML 2009), which need no word borders: Chinese and Japanese write none. Numpy and scipy only.
"""

import unicodedata
import zlib
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse

from training.engine.arrays import F32, F64, I64, AnyArray, Tensors

NAME = "character-n-grams"
_RUNS = (1, 2, 3)  # characters; a Chinese word has one or two
_WIDTH = 1 << 14  # hashed columns
_DIRECTIONS = 256
_LEARNT_FROM = 2_500  # texts; the directions of more are the same, their product is not
_AT_ONCE = 10_000  # texts that are turned together
_BEYOND, _ROUNDS = 64, 5  # spare directions and rounds that make the last ones true


@dataclass(frozen=True)
class Grams:
    """rarity: float32 [columns], logarithm of how few of the texts hold a run; turn: float16
    [columns, directions]."""

    rarity: F32
    turn: AnyArray

    def __call__(self, texts: list[str]) -> F32:
        """float32 [texts, directions], each of the length that whitened vectors have on average,
        the root of the number of directions; zero rows where there is nothing to read."""
        vectors = np.zeros((len(texts), self.turn.shape[1]), dtype=np.float32)
        turn = self.turn.astype(np.float32)
        for first in range(0, len(texts), _AT_ONCE):
            rows = slice(first, min(first + _AT_ONCE, len(texts)))
            vectors[rows] = _weighed(_counted(texts[rows]), self.rarity) @ turn
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        wanted = np.float32(np.sqrt(vectors.shape[1]))
        return np.asarray(wanted * vectors / np.maximum(length, 1e-9), dtype=np.float32)

    def tensors(self) -> Tensors:
        """Everything that restores it."""
        return {"rarity": self.rarity, "turn": self.turn}


def learn(texts: list[str], *, seed: int) -> Grams:
    """Learn from a tenant's texts, of which at least two must hold a letter."""
    if len(texts) > _LEARNT_FROM:
        drawn = np.random.default_rng(seed).choice(len(texts), _LEARNT_FROM, replace=False)
        texts = [texts[index] for index in np.sort(drawn)]
    counted = _counted(texts)
    held = np.bincount(counted.indices, minlength=_WIDTH)
    rarity = np.log((1.0 + len(texts)) / (1.0 + held)).astype(np.float32)
    rarity[held < 2] = 0.0  # a run that only one text holds joins it to no other
    turn = _directions(_weighed(counted, rarity))
    return Grams(rarity, turn.astype(np.float16))


def _directions(table: sparse.csr_matrix) -> F32:
    """The directions [columns, kept] in which the rows differ most, by falling size; each is
    shortened by the root of its size, half way to all being equal."""
    product = (table @ table.T).toarray()
    kept = max(1, min(_DIRECTIONS, len(product) // 2))
    size, left = _largest(product, kept)
    size, left = np.maximum(size[::-1][:kept], 1e-9), left[:, ::-1][:, :kept]
    # The sign of an eigenvector is arbitrary; fixing it makes equal inputs give equal weights.
    left = left * np.sign(left[np.argmax(np.abs(left), axis=0), np.arange(kept)])
    turn = (table.T @ left) / np.sqrt(size)  # orthonormal columns
    return np.asarray(turn * size**-0.25, dtype=np.float32)


def _largest(product: F32, kept: int) -> tuple[F64, F64]:
    """Eigenvalues and vectors of a symmetric matrix, rising, at least the `kept` largest. Those of
    a large one by subspace iteration (Halko et al., SIAM Review 2011), in a tenth of the time."""
    wide = kept + _BEYOND
    if len(product) <= 2 * wide:
        return np.linalg.eigh(product.astype(np.float64))
    span = np.random.default_rng(0).standard_normal((len(product), wide), dtype=np.float32)
    for _ in range(_ROUNDS):
        span = _spread(product @ span)
    span, _ = np.linalg.qr(span)
    size, turn = np.linalg.eigh((span.T @ (product @ span)).astype(np.float64))
    return size, span @ turn


def _spread(span: F32) -> F32:
    """The same span by columns that are orthonormal as far as the Cholesky factor of their products
    makes them so: a tenth of what an exact way takes, and enough between two rounds."""
    exact = span.astype(np.float64)
    try:
        turn = np.linalg.inv(np.linalg.cholesky(exact.T @ exact)).T
    except np.linalg.LinAlgError:  # fewer directions than columns
        return np.asarray(np.linalg.qr(span)[0], dtype=np.float32)
    return np.asarray(span @ turn.astype(np.float32), dtype=np.float32)


def _weighed(counted: sparse.csr_matrix, rarity: F32) -> sparse.csr_matrix:
    """Rows of unit length; a run that comes again in the same text counts less each time."""
    table = counted.copy()
    table.data = np.log1p(table.data) * rarity[table.indices]
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1))).ravel()
    return sparse.csr_matrix(sparse.diags(1.0 / np.maximum(length, 1e-9)) @ table, dtype=np.float32)


def _counted(texts: list[str]) -> sparse.csr_matrix:
    """How often each text holds each run, float32 [texts, columns]."""
    columns: list[int] = []
    ends = [0]
    read: dict[str, list[int]] = {}  # a shop's texts say the same words again and again
    for text in texts:
        for word in words_of(text):
            if word not in read:
                read[word] = [zlib.crc32(run.encode()) % _WIDTH for run in runs_of(word)]
            columns += read[word]
        ends.append(len(columns))
    index: I64 = np.array(columns, dtype=np.int64)
    ones = np.ones(len(index), dtype=np.float32)
    table = sparse.csr_matrix((ones, index, ends), shape=(len(texts), _WIDTH))
    table.sum_duplicates()
    return table


def words_of(text: str) -> list[str]:
    """The words of a text; width, case and accents that mean the same are one (NFKC, UAX #15)."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


def runs_of(word: str) -> list[str]:
    """The runs of one to three characters of a word, its ends marked."""
    marked = f"<{word}>"
    found = []
    for length in _RUNS:
        whole = word if length == 1 else marked
        found += [whole[i : i + length] for i in range(len(whole) - length + 1)]
    return found
