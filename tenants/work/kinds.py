"""The form of a line in the table of leased work. Imported by settings: needs no Django."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkKind:
    """`run` is the dotted worker function; `lease` in seconds.

    `attempts` is the hard stop behind the worker function's own judgement of a failure; what is
    `urgent` is done for a suspended tenant as well, everything else of it waits. What is `fair`
    makes its queue fair: tenants take turns by what they used, see `shares`.
    """

    queue: str
    run: str
    lease: int
    attempts: int
    urgent: bool = False
    fair: bool = False
