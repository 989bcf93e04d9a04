"""The event types of one tenant as a value: the defaults, and what the tenant laid over them.

Pure; `event_types` reads and writes it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from tenants.behaviour.columns.schema import EVENT_TYPES, EventType, plain_name


@dataclass(frozen=True, eq=False)
class TypeTable:
    """Types in the order of their codes."""

    types: tuple[EventType, ...]

    @classmethod
    def over_defaults(cls, laid: Iterable[EventType]) -> "TypeTable":
        """The default table with these laid over it, by their codes.

        Of a default type the names that files bring always hold; what is laid over adds to them.
        """
        found = {kind.code: kind for kind in EVENT_TYPES}
        for kind in laid:
            usual = found.get(kind.code)
            aliases = dict.fromkeys((*(usual.aliases if usual else ()), *kind.aliases))
            name = usual.name if usual else kind.name
            found[kind.code] = EventType(name, kind.code, kind.weight, kind.trade, tuple(aliases))
        return cls(tuple(found[code] for code in sorted(found)))

    @classmethod
    def from_plain(cls, plain: Iterable[Mapping[str, Any]]) -> "TypeTable":
        """The table that `to_plain` told."""
        return cls(tuple(EventType(**{**one, "aliases": tuple(one["aliases"])}) for one in plain))

    def to_plain(self) -> list[dict[str, Any]]:
        """The table as JSON-able values."""
        return [{**asdict(kind), "aliases": list(kind.aliases)} for kind in self.types]

    @cached_property
    def by_code(self) -> dict[int, EventType]:
        """Each type by its stored code."""
        return {kind.code: kind for kind in self.types}

    @cached_property
    def by_name(self) -> dict[str, EventType]:
        """Each type by its name as written."""
        return {kind.name: kind for kind in self.types}

    @cached_property
    def codes(self) -> dict[str, int]:
        """Plain spelling -> code. A name goes before an alias, and a tenant's own word before a
        default one, which others may use otherwise ("review")."""
        spelled = [(alias, kind.code) for kind in EVENT_TYPES for alias in kind.aliases]
        spelled += [(alias, kind.code) for kind in self.types for alias in laid(kind)]
        spelled += [(kind.name, kind.code) for kind in self.types]
        return {plain_name(word): code for word, code in spelled}

    @cached_property
    def trades(self) -> list[int]:
        """Codes of the acts that move goods."""
        return [kind.code for kind in self.types if kind.trade]


DEFAULTS = TypeTable(EVENT_TYPES)


def laid(kind: EventType) -> tuple[str, ...]:
    """The further names of a type that its tenant gave it."""
    usual = DEFAULTS.by_code.get(kind.code)
    return tuple(alias for alias in kind.aliases if not usual or alias not in usual.aliases)
