"""Who takes part in a short run, and how long each of its processes may take on a quiet core.
Two run at a time, on a core each, in a full run too; the plan of a short one fits into ten minutes,
and a run prints what each process took beside it.

A process is ended by the processor time it has used, three times its plan: time that others take
away from it does not count against it.
"""

from tests.bench.quality.engine_parts import SERVED, WITHOUT_TEXT

# data set -> contender -> seconds
QUICK: dict[str, dict[str, float]] = {
    "scientific": {
        "popular": 2.0,
        "recent": 3.0,
        "item_knn": 8.0,
        "ease": 16.0,
        "sasrec": 255.0,
        SERVED: 145.0,
        WITHOUT_TEXT: 40.0,
    },
    "scientific_cold": {SERVED: 118.0},
    "retail": {
        "popular": 3.0,
        "recent": 4.0,
        "own_counts": 5.0,
        "item_knn": 11.0,
        "ease": 32.0,
        "sasrec": 320.0,
        SERVED: 155.0,
    },
}
REPEATED = 30.0  # two runs of the same inputs, one after the other, and the Chinese catalogue
LANES = 2  # processes at a time, each with a thread and a core of its own
_SLACK = 3.0
_FULL = 8 * 3_600.0  # processor seconds of a process of a full run


def planned() -> float:
    """Seconds of a short run: the lanes share its processes, the longest ones first."""
    return sum(sum(each.values()) for each in QUICK.values()) / LANES + REPEATED


def limit_of(dataset: str, contender: str, *, quick: bool) -> float:
    """Processor seconds after which a process is ended."""
    return _SLACK * QUICK[dataset][contender] if quick else _FULL
