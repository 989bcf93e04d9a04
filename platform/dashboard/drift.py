"""How far one month's acts lie from those of the month before. Pure: counts in, figures out.

The measure is the total variation distance of two distributions, half the sum of the absolute
differences of the shares (Levin, Peres and Wilmer, "Markov Chains and Mixing Times", 2nd ed., 4.1):
the share of the acts that would have to be others for both months to be alike. Unlike the
population stability index it needs no rule for what was never there before.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from dashboard.small_groups import hidden

NOTABLE = 0.1


@dataclass(frozen=True)
class Cell:
    """Acts of one kind in one month, and how many people did them."""

    acts: int
    people: int


@dataclass(frozen=True)
class Share:
    """One kind as a share of a month's acts, and of those of the month before."""

    name: Hashable
    now: float
    before: float


@dataclass(frozen=True)
class Drift:
    """distance: 0 alike to 1 nothing in common; chance: how far apart two months lie by chance
    alone; shares: what moved most, first."""

    distance: float
    chance: float
    shares: tuple[Share, ...]

    @property
    def notable(self) -> bool:
        """Whether it is large, and larger than chance would easily give."""
        return self.distance >= NOTABLE and self.distance > 2.0 * self.chance


def drift_of(
    now: Mapping[Hashable, Cell], before: Mapping[Hashable, Cell], people: tuple[int, int]
) -> Drift | None:
    """The drift between two months, with the people who acted in each; None where either month is a
    small group or nothing is left. A kind that is a small group in either month takes no part.
    """
    if min(people) == 0 or any(map(hidden, people)):
        return None
    nobody = Cell(0, 0)
    pairs = {name: (now.get(name, nobody), before.get(name, nobody)) for name in {**before, **now}}
    shown = {
        name: pair for name, pair in pairs.items() if not any(hidden(cell.people) for cell in pair)
    }
    totals = [sum(pair[month].acts for pair in shown.values()) for month in (0, 1)]
    if not all(totals):
        return None
    shares = [
        Share(name, pair[0].acts / totals[0], pair[1].acts / totals[1])
        for name, pair in shown.items()
    ]
    return Drift(
        distance=sum(abs(one.now - one.before) for one in shares) / 2.0,
        chance=_by_chance([(one.now + one.before) / 2.0 for one in shares], people),
        shares=tuple(sorted(shares, key=lambda one: -abs(one.now - one.before))),
    )


def _by_chance(shares: list[float], people: tuple[int, int]) -> float:
    """The expected distance of two months that are alike: each share differs like the difference of
    two means, normal, over people (who act alike with themselves, so acts would promise too
    little)."""
    noise = 1.0 / people[0] + 1.0 / people[1]
    return sum(math.sqrt(2.0 * share * (1.0 - share) * noise / math.pi) for share in shares) / 2.0
