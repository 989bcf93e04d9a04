"""The first rows of a file with the profile of each column, and what two columns say together."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from tenants.behaviour.asking.profile import Profile
from tenants.behaviour.columns.parsing import texts
from tenants.behaviour.columns.schema import plain_name


@dataclass(frozen=True)
class Sheet:
    """The first rows with the profile of each column, and the words that columns of ours know."""

    frame: pl.DataFrame
    profiles: Mapping[str, Profile]
    vocabulary: Mapping[str, frozenset[str]]
    # What was found out already.
    _determined: dict[tuple[str, str], bool] = field(default_factory=dict)
    _shares: dict[tuple[str, str], float] = field(default_factory=dict)

    def share(self, name: str, pattern: str) -> float:
        """The share of a column's filled cells that match."""
        if (name, pattern) not in self._shares:
            some = texts(self.frame[name]).drop_nulls()
            found = float(some.str.contains(pattern).sum()) / max(some.len(), 1)
            self._shares[name, pattern] = found
        return self._shares[name, pattern]

    def known(self, name: str, ours: str) -> float:
        """The share of a column's filled cells that are words of a column of ours."""
        some = texts(self.frame[name]).drop_nulls()
        spelled = [plain_name(text) in self.vocabulary.get(ours, ()) for text in some]
        return sum(spelled) / len(spelled) if spelled else 0.0

    def determines(self, one: str, other: str) -> bool:
        """Whether equal cells of `one` stand beside equal cells of `other`, another one; one in
        twenty may differ, for the clock moves on and titles are mended."""
        if (one, other) not in self._determined:
            self._determined[one, other] = one != other and self._determines(one, other)
        return self._determined[one, other]

    def _determines(self, one: str, other: str) -> bool:
        pairs = self.frame.select(one, other).drop_nulls()
        return pairs.height > 0 and pairs.n_unique() <= 1.05 * pairs[one].n_unique()

    def times(self) -> list[str]:
        """The columns that are times."""
        return [name for name, one in self.profiles.items() if one.time >= 0.9]


def is_scale(one: Profile) -> bool:
    """A few numbers from a short scale, as people rate."""
    within = one.least >= 0 and one.most <= 10
    return one.number >= 0.95 and one.time < 0.5 and within and 3 <= one.count <= 21


def is_id(one: Profile) -> bool:
    """Short, without blanks, and no measure."""
    whole = one.number < 0.95 or (one.whole >= 0.99 * one.number and one.negative == 0)
    plain = one.blank < 0.1 and one.length <= 64 and one.json == 0 and one.parted == 0
    return one.filled >= 0.3 and plain and whole and one.time < 0.5 and not is_scale(one)


def is_order(sheet: Sheet, one: Profile) -> bool:
    """Several rows each, all of them of one moment."""
    several = len(sheet.frame) * one.filled / max(one.count, 1) >= 1.2
    together = any(sheet.determines(one.name, time) for time in sheet.times())
    return several and one.count > 3 and together
