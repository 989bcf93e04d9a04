"""What items are about, for measuring how unlike a list's items are: hashed words of their texts.
Independent of every contender, so that nobody is measured by their own vectors."""

import re
import zlib

import numpy as np

from training.engine.arrays import F32
from training.engine.snapshot import Catalogue

_WIDTH = 512
_WORD = re.compile(r"[^\W\d_]{2,}")


def word_vectors(catalogue: Catalogue) -> F32:
    """float32 [items, 512], unit length; zero where an item has no words. Rare words count more
    (inverse document frequency), hashed with signs (Weinberger et al., ICML 2009)."""
    words = [
        set(_WORD.findall(f"{title} {text}".lower()))
        for title, text in zip(catalogue.title, catalogue.text, strict=True)
    ]
    often: dict[str, int] = {}
    for each in words:
        for word in each:
            often[word] = often.get(word, 0) + 1
    vectors = np.zeros((len(words), _WIDTH), dtype=np.float32)
    for row, each in enumerate(words):
        for word in sorted(each):
            code = zlib.crc32(word.encode())
            sign = 1.0 if code & 1 else -1.0
            vectors[row, (code >> 1) % _WIDTH] += sign * np.log(1.0 + len(words) / often[word])
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9), dtype=np.float32)
