"""The form of a line in the table of leased work. Imported by settings: needs no Django."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkKind:
    """`run` is the dotted worker function; `lease` in seconds.

    `attempts` is the hard stop behind the worker function's own judgement of a failure.
    """

    queue: str
    run: str
    lease: int
    attempts: int
