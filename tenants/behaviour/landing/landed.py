"""What storing one cleaned batch led to. Plain values, for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Landed:
    """`withheld`: (bucket, code) -> numbers of accepted rows that ended otherwise after all.

    `root` is the Merkle root over the consent records written, in hex; "" for other kinds.
    `acts` are the hashes in hex by which events count once, in the order of the rows.
    """

    withheld: Mapping[tuple[str, str], Sequence[int]] = field(default_factory=dict)
    items_created: int = 0
    root: str = ""
    acts: Sequence[str] = ()
