"""Reading many rows a chunk at a time, in whatever transaction one is in.

Each chunk is a question of its own, from the last row on, and sees what was committed meanwhile. A
cursor of the database, as `QuerySet.iterator()` opens one, outlives a loop that an exception ends:
collected later, it breaks the transaction that the connection is in by then.
"""

from collections.abc import Iterator
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

CHUNK = 2000
Row = TypeVar("Row", bound=Model)


def in_chunks(rows: "QuerySet[Row]", *key: str, size: int = CHUNK) -> Iterator[Row]:
    """All of `rows` in the order of `key`: columns that are never null, of which no two rows share
    all. No more than `size` rows are held at a time."""
    ordered = rows.order_by(*key)
    part = list(ordered[:size])
    while part:
        yield from part
        if len(part) < size:
            return
        part = list(ordered.filter(_behind(key, part[-1]))[:size])


def _behind(key: tuple[str, ...], last: Model) -> Q:
    """What comes behind a row in the order of the key."""
    found = Q()
    for number, name in enumerate(key):
        same = {other: getattr(last, other) for other in key[:number]}
        found |= Q(**same, **{f"{name}__gt": getattr(last, name)})
    return found
