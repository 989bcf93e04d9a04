"""The table of all that take part: one line each."""

from tests.bench.quality.contender import Contender
from tests.bench.quality.rivals import als, ease, knn, own, popularity, transformers

RIVALS: dict[str, Contender] = {
    "popular": popularity.POPULAR,
    "recent": popularity.RECENT,
    "own_counts": own.OWN,
    "item_knn": knn.KNN,
    "ease": ease.EASE,
    "als": als.ALS,
    "sasrec": transformers.SASREC,
    "esasrec": transformers.ESASREC,
}


def contenders() -> dict[str, Contender]:
    """Rivals first, then the engine, which only the product's environment can load."""
    from tests.bench.quality.engine_parts import PARTS

    return {**RIVALS, **PARTS}
