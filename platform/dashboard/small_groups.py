"""Hiding what would tell of single persons: numbers that describe fewer than ten subjects.

A part of a known whole tells about its complement too, so both ends are hidden.
"""

from dataclasses import dataclass

SMALLEST = 10


@dataclass(frozen=True)
class Part:
    """A part as it may be shown; `fraction` is None when it would give the number away."""

    text: str
    fraction: float | None


def few(count: int) -> str:
    """The number of a group of subjects, "<10" for a group too small to show."""
    return f"<{SMALLEST}" if 0 < count < SMALLEST else f"{count:,}"


def hidden(subjects: int) -> bool:
    """Whether a number about this many subjects must not be shown."""
    return 0 < subjects < SMALLEST


def part_of(count: int, whole: int) -> Part:
    """`count` of `whole` subjects: exact only when neither it nor the others are a small group."""
    if whole == 0:
        return Part("0", None)
    if count < SMALLEST:
        return Part(f"<{SMALLEST}", None)
    if whole - count < SMALLEST:
        return Part(f">{whole - SMALLEST:,}", None)
    return Part(f"{count:,}", count / whole)
