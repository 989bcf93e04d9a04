"""Items as answers show them: plain rows of the few columns that are told."""

from typing import NamedTuple


class ShownItem(NamedTuple):
    """The names are the item's columns; `id` is the number that bundles know."""

    id: int
    external_id: str
    title: str
    category: str
    price: float | None
