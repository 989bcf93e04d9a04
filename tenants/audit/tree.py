"""The Merkle tree over a log, known by its right edge alone (RFC 9162, section 2.1).

Whoever has the edge at one size can go on from there: nothing before it has to be read again.
"""

from dataclasses import dataclass, field

from tenants.audit.canonical import node_hash

HASH_BYTES = 32
EMPTY = bytes(HASH_BYTES)


@dataclass
class Edge:
    """The full subtrees of a tree with `size` leaves, the largest first."""

    size: int = 0
    nodes: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        """Put one more leaf at the right."""
        node, size = leaf, self.size
        while size & 1:  # a full pair: its node takes the place of both
            node, size = node_hash(self.nodes.pop(), node), size >> 1
        self.nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree head; 32 zeros of an empty tree."""
        if not self.nodes:
            return EMPTY
        node = self.nodes[-1]
        for left in reversed(self.nodes[:-1]):
            node = node_hash(left, node)
        return node

    def packed(self) -> bytes:
        return b"".join(self.nodes)


def unpacked(size: int, content: bytes) -> Edge:
    """The edge out of what `packed` gave."""
    places = range(0, len(content), HASH_BYTES)
    return Edge(size, [content[start : start + HASH_BYTES] for start in places])
