"""How alike items are, by what some source holds of them anyway."""

from collections.abc import Mapping

import numpy as np

from training.engine.arrays import F32, I64
from training.engine.sources.content import Content
from training.engine.sources.sequence import Sequence
from training.engine.sources.source import Source


def vectors_of(sources: Mapping[str, Source], places: I64) -> F32 | None:
    """Vectors of the items at `places`, float32 [n, d], unit length or zero: those of their texts,
    else those that the sequence model has learnt; None where no source has either."""
    kinds = (Content, Sequence)
    told = [each for kind in kinds for each in sources.values() if isinstance(each, kind)]
    if not told:
        return None
    found = told[0].vector[places]
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, 1e-9), dtype=np.float32)
