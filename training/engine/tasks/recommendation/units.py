"""The figures of single held-out subjects, kept so that versions can be compared on the same ones.

A subject is named by their position in the snapshot's rising list of subjects, never by an id.
"""

import hashlib
from typing import Any

import numpy as np

from training.engine.arrays import Tensors
from training.engine.evaluate import Judged, Reader
from training.engine.job import Job
from training.engine.snapshot import EVENTS_FILE, ITEMS_FILE

UNITS_FILE = "units.safetensors"
WINDOW = "test"
# How the tensors of the file are named; a source's begin with SOURCE.
UNIT, CHAMPION, SOURCE = "unit", "champion", "ndcg10."
HISTORY, RARE = "history_events", "rare_targets"
FEW_EVENTS = 5  # an item with fewer events before the window is a cold one


def unit_tensors(reader: Reader, judged: Judged, champion: Tensors) -> Tensors:
    """unit: int64 [cases], rising; history_events: int64 [cases], events before the window;
    rare_targets: float64 [cases], share of the targets that are cold; ndcg10.SOURCE and champion:
    float64 [cases]."""
    cases, events = reader.cases, reader.events
    before = events.time < cases.window.start
    met = np.bincount(events.item[before], minlength=len(cases.candidates))
    rare = [float((met[targets] < FEW_EVENTS).mean()) for targets in cases.targets]
    return {
        UNIT: cases.subjects,
        HISTORY: cases.ends - events.offsets[cases.subjects],
        RARE: np.array(rare, dtype=np.float64),
        **{f"{SOURCE}{name}": judged.ndcg(name) for name in judged.figures},
        **champion,
    }


def units_record(job: Job, reader: Reader, repeats: bool) -> dict[str, Any]:
    """What the manifest tells of the file. Two versions with the same `world` number their units
    alike: the data, the window and what counts as a target are the same."""
    window = reader.cases.window
    data = sorted((name, job.files[name]) for name in (EVENTS_FILE, ITEMS_FILE))
    world = [*data, window.start, window.end, repeats]
    return {
        "file": UNITS_FILE,
        "window": WINDOW,
        "count": len(reader.cases),
        "few_events": FEW_EVENTS,
        "world": hashlib.sha256(repr(world).encode()).hexdigest(),
    }
