"""Personal data in free text, found by shape and checksum, and text without it. Pure.

Finds what follows a form: numbers, addresses, what a word announces. A name in the middle of a
sentence, a nickname, a number written in words are not found. Recall and precision are measured
on a labelled set (`make bench-masking`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tenants.masking.kind import DIGITS, LIKE, LOOKS_BACK, UNLIKE, Kind
from tenants.masking.shapes import KINDS

# Full-width forms and their plain ones, character by character: places in the text stay the same.
PLAIN = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: " ", 0x2010: "-", 0x2011: "-", 0x2012: "-", 0x2013: "-", 0x2212: "-", 0x00A0: " ",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """One piece of personal data: its kind, and where it stands in the text."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Masked:
    """A text without what was found in it, and how often each kind was."""

    text: str
    counts: dict[str, int]


def find(text: str) -> list[Found]:
    """What personal data a text holds, in its order; nothing overlaps."""
    plain = text if text.isascii() else text.translate(PLAIN)
    lower, digits = plain.lower(), bool(DIGITS.search(plain))
    taken: list[Found] = []
    for kind in KINDS:
        if any(hint in lower for hint in kind.hints) if kind.hints else digits:
            taken += [one for one in _of_kind(kind, plain) if not _overlaps(one, taken)]
    return sorted(taken, key=lambda one: one.start)


def masked(text: str) -> Masked:
    """`text` with each piece replaced by the name of its kind: `[email]`."""
    pieces = find(text)
    left, last = [], 0
    for one in pieces:
        left += [text[last : one.start], f"[{one.kind}]"]
        last = one.end
    return Masked("".join([*left, text[last:]]), dict(Counter(one.kind for one in pieces)))


def kinds_in(texts: Iterable[str]) -> dict[str, int]:
    """In how many of the texts each kind is found."""
    found: Counter[str] = Counter()
    for text in texts:
        found.update({one.kind for one in find(text)})
    return dict(found)


def _of_kind(kind: Kind, plain: str) -> Iterator[Found]:
    group = "it" if "it" in kind.shape.groupindex else 0
    for match in kind.shape.finditer(plain):
        start, end = match.span(group)
        told = kind.holds(plain[start:end])
        if not told or (kind.careful and _is_a_things(plain, start)):
            continue
        # True is an int, too.
        yield Found(kind.name, start, end if told is True else start + int(told))


def _is_a_things(plain: str, start: int) -> bool:
    """Whether the last announcing word before the place speaks of an order or an article."""
    before = plain[max(0, start - LOOKS_BACK) : start]
    # What was said of a number before this one was said of that.
    before = re.split(r"\d", before)[-1]
    unlike = max((found.end() for found in UNLIKE.finditer(before)), default=-1)
    like = max((found.end() for found in LIKE.finditer(before)), default=-1)
    return unlike > like


def _overlaps(one: Found, taken: list[Found]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in taken)
