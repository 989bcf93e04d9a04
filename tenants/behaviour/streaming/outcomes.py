"""Why what one streamed request told was not accepted, as its record keeps it: codes and counts.

No value of an event is kept. A name (an event type nobody knows, a foreign consent category) is, so
that a tenant sees which of their names lead to nothing, unless it looks like a person's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tenants.behaviour.processing.report import BUCKETS, Report
from tenants.masking.masking import find

# What was told and can be no event at all: no row of a report, so it is no bucket of one.
PASSED_OVER = "passed_over"
OUTCOMES = (*BUCKETS, PASSED_OVER)
UNKNOWN = "unknown_type"
NAME_LENGTH = 80
# Different names that one record keeps; the rest is counted without its name.
MOST_NAMES = 20

PassedOver = Mapping[tuple[str, str], int]


def outcomes(
    report: Report, types: Sequence[str | None], passed_over: PassedOver
) -> list[dict[str, Any]]:
    """One row for each outcome, code and name. `types` are those of the events whose type is not
    known; `passed_over` counts by code and name ("" for none).
    """
    counted: Counter[tuple[str, str, str]] = Counter()
    for one in report.outcomes:
        if one.code != UNKNOWN:
            counted[one.bucket, one.code, ""] += one.count
    for name in types:
        counted["rejected", UNKNOWN, name or ""] += 1
    for (code, name), count in passed_over.items():
        counted[PASSED_OVER, code, name] += count
    return [
        {"outcome": outcome, "code": code, "name": name, "count": count}
        for (outcome, code, name), count in sorted(_few_names(counted).items())
    ]


def _few_names(counted: Counter[tuple[str, str, str]]) -> Counter[tuple[str, str, str]]:
    """The same counts under the names that are kept."""
    named = ((key, count) for key, count in counted.most_common() if key[2])
    kept = {key for key, _ in _first(named, MOST_NAMES) if may_be_kept(key[2])}
    few: Counter[tuple[str, str, str]] = Counter()
    for (outcome, code, name), count in counted.items():
        few[outcome, code, name if (outcome, code, name) in kept else ""] += count
    return few


def _first(rows: Iterable[Any], most: int) -> list[Any]:
    return [row for row, _ in zip(rows, range(most), strict=False)]


def may_be_kept(name: str) -> bool:
    """Whether a sender's name is one: short, printable, and nobody's personal data."""
    return len(name) <= NAME_LENGTH and name.isprintable() and not find(name)
