"""Turning pages of a list: which rows, and the addresses of the neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

SIZE = 25


@dataclass(frozen=True)
class Pages:
    """One page of a list: rows `first`..`last` of `total`; an address is "" where there is none."""

    rows: Sequence[Any]
    first: int
    last: int
    total: int
    newer: str
    older: str


def page_of(request: HttpRequest, rows: "QuerySet[Any]", size: int = SIZE) -> Pages:
    """The page that `?page=` asks for; anything else than a page that exists shows the first."""
    total = rows.count()
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isdecimal() and len(asked) < 8 else 1
    start = (number - 1) * size
    if not 0 <= start < max(total, 1):
        number, start = 1, 0
    shown = list(rows[start : start + size])
    return Pages(
        rows=shown,
        first=start + 1 if shown else 0,
        last=start + len(shown),
        total=total,
        newer=_address(request, number - 1) if number > 1 else "",
        older=_address(request, number + 1) if start + size < total else "",
    )


def _address(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return f"{request.path}?{query.urlencode()}"
