"""Items as answers show them: plain rows of the few columns that are told, read in one question."""

from collections.abc import Collection
from typing import NamedTuple

from tenants.behaviour.models import Item


class ShownItem(NamedTuple):
    """The names are the item's columns; `id` is the number that bundles know."""

    id: int
    external_id: str
    title: str
    category: str
    price: float | None
    available: bool


def shown_items(ids: Collection[int]) -> dict[int, ShownItem]:
    """The items of the tenant in scope that have these numbers, by number."""
    rows = Item.objects.filter(id__in=ids).values_list(*ShownItem._fields)
    return {row[0]: ShownItem(*row) for row in rows}
