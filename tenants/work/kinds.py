"""The form of a line in the table of leased work, and of a worker's room for it. Imported by
settings: needs no Django.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkKind:
    """`run` is the dotted worker function; `lease` in seconds.

    `attempts` is the hard stop behind the worker function's own judgement of a failure; what is
    `urgent` is done for a suspended tenant as well, everything else of it waits. What is `fair`
    makes its queue fair: tenants take turns by what they used, see `shares`. `left` is the dotted
    function that is told (tenant, object) of an item whose worker left it by dying. `crashed` is
    the dotted function that takes the lease at the hard stop and closes the item together with what
    it was for, which would wait for ever.
    """

    queue: str
    run: str
    lease: int
    attempts: int
    urgent: bool = False
    fair: bool = False
    left: str = ""
    crashed: str = ""


@dataclass(frozen=True)
class Room:
    """What a worker has: slots in all, and how many of them one item may take."""

    slots: int
    widest: int
