"""Amazon Reviews 2018, Industrial & Scientific: ordered sequences with rich text, no times.

`read_cold` takes a tenth of the items out of everything that can be learnt from: they stay in the
catalogue with their text, and as the last act of some people.
"""

from dataclasses import replace

import numpy as np

from tests.bench.quality.datasets.places import place_of
from tests.bench.quality.world import (
    STEP_END,
    World,
    catalogue_of,
    codes,
    events_of,
    only,
    steps_as_time,
)
from training.engine.arrays import DAY, I64
from training.engine.snapshot import Snapshot

COLD_SHARE = 0.1
COLD_SEED = 20261129
_FOLDER = "amazon-scientific"
_ROOT = "Industrial & Scientific "


def read() -> World:
    """The data set. Raises DataMissing."""
    subject, item = _sequences()
    offsets = np.concatenate(([0], np.cumsum(np.bincount(subject)))).astype(np.int64)
    events = events_of(subject, item, steps_as_time(offsets))
    texts = _texts()
    catalogue = catalogue_of(texts, [""] * len(texts), None, np.zeros(len(texts)))
    return World(
        name="scientific",
        snapshot=Snapshot(catalogue, events),
        group=codes([_category(text) for text in texts]),
        groups="first words of the category path",
        half_lives=(3.0, 7.0, 15.0, 60.0),
        note="Amazon Scientific: order without times, a step counts as a day; last act held out",
    )


def cold_items(items: int) -> I64:
    """The items that nobody may learn from, rising."""
    drawn = np.random.default_rng(COLD_SEED).choice(items, round(COLD_SHARE * items), replace=False)
    return np.sort(drawn)


def read_cold() -> World:
    """The same with a tenth of the items cold. Raises DataMissing."""
    world = read()
    events = world.snapshot.events
    cold = np.isin(events.item, cold_items(len(world.snapshot.catalogue)))
    last = events.time >= STEP_END
    known = np.zeros(len(world.snapshot.catalogue))
    known[cold_items(len(known))] = STEP_END - DAY / 8  # listed just before the last act
    catalogue = replace(world.snapshot.catalogue, known_from=known)
    return replace(
        world,
        name="scientific_cold",
        snapshot=Snapshot(catalogue, only(events, ~cold | last)),
        note="Amazon Scientific with a tenth of its items without any event before the test",
    )


def _sequences() -> tuple[I64, I64]:
    """Subjects and items of all acts, by subject and in their order: the longest prefix of the
    training file, then the item of validation, then that of test."""
    place = place_of(_FOLDER, "Scientific.test.inter")
    subjects: list[int] = []
    items: list[int] = []
    for line in place.read_text().splitlines()[1:]:
        subject, past, last = line.split("\t")
        whole = [int(part) for part in past.split()] + [int(last)]
        subjects += [int(subject)] * len(whole)
        items += whole
    return np.array(subjects, dtype=np.int64), np.array(items, dtype=np.int64)


def _texts() -> list[str]:
    number = dict(_pairs("Scientific.item2index"))
    texts = [""] * len(number)
    for name, text in _pairs("Scientific.text")[1:]:
        texts[int(number[name])] = text.strip()
    return texts


def _pairs(name: str) -> list[tuple[str, str]]:
    lines = place_of(_FOLDER, name).read_text().splitlines()
    return [(line.split("\t")[0], line.split("\t")[1]) for line in lines]


def _category(text: str) -> str:
    """The first two words behind the name of the department; "" where there is none."""
    _, found, path = text.partition(_ROOT)
    return " ".join(path.replace("&", " ").split()[:2]) if found else ""
