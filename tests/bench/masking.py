"""`make bench-masking`: recall and precision of the masking of free text, kind by kind.

The labelled set (`tests/tenants/masking/masking_labels.jsonl`, English and Chinese, more than half
of it without personal data: order numbers, ISBNs, prices, versions) was written beside the shapes,
so its figures say what they do, not what every tenant's people write. Needs no database.
"""

import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenants.masking.masking import Found, find
from tenants.masking.shapes import NAMES

LABELS = Path(__file__).resolve().parents[1] / "tenants" / "masking" / "masking_labels.jsonl"


@dataclass(frozen=True)
class Line:
    """One text and what personal data it holds."""

    lang: str
    text: str
    labels: list[Found]


def lines() -> list[Line]:
    """The labelled set; each label is looked for behind the one before."""
    found = []
    for raw in LABELS.read_text().splitlines():
        plain = json.loads(raw)
        labels, last = [], 0
        for kind, value in plain["spans"]:
            start = plain["text"].index(value, last)
            last = start + len(value)
            labels.append(Found(kind, start, last))
        found.append(Line(plain["lang"], plain["text"], labels))
    return found


def figures(table: list[Line]) -> dict[str, Any]:
    """Recall (the whole label is masked, as its kind) and precision, of all and by kind."""
    labelled, hit, pieces, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for line in table:
        given = find(line.text)
        labelled.update(one.kind for one in line.labels)
        hit.update(one.kind for one in line.labels if _covered(one, given))
        pieces.update(one.kind for one in given)
        right.update(one.kind for one in given if any(_same(one, label) for label in line.labels))
    kinds = {
        kind: {
            "labelled": labelled[kind],
            "recall": _share(hit[kind], labelled[kind]),
            "precision": _share(right[kind], pieces[kind]),
        }
        for kind in NAMES
    }
    return {
        "recall": _share(hit.total(), labelled.total()),
        "precision": _share(right.total(), pieces.total()),
        "kinds": kinds,
    }


def missed_and_wrong(table: list[Line]) -> list[tuple[str, str]]:
    """What to look at: (kind, text) of each label that was missed and each piece that is none."""
    found = []
    for line in table:
        given = find(line.text)
        found += [
            (f"missed {one.kind}", line.text) for one in line.labels if not _covered(one, given)
        ]
        found += [
            (f"wrong {one.kind}", line.text)
            for one in given
            if not any(_same(one, label) for label in line.labels)
        ]
    return found


def _covered(label: Found, given: list[Found]) -> bool:
    return any(
        one.kind == label.kind and one.start <= label.start and label.end <= one.end
        for one in given
    )


def _same(one: Found, label: Found) -> bool:
    return one.kind == label.kind and one.start < label.end and label.start < one.end


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def main() -> None:
    table = lines()
    print(f"{len(table)} texts, {sum(len(line.labels) for line in table)} labels")
    for what, text in missed_and_wrong(table):
        print(f"  {what}: {text}")
    characters = sum(len(line.text) for line in table)
    began = time.perf_counter()
    for line in table:
        find(line.text)
    seconds = time.perf_counter() - began
    print(json.dumps({
        "texts": len(table),
        **figures(table),
        "characters_per_second": round(characters / seconds),
    }, sort_keys=False))  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
