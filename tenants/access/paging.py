"""Lists by cursor, the same everywhere: `limit`, `after`, `has_more` and a Link header.

Rows run from the newest to the oldest by their time-ordered id, or by the number that a table gives
its rows. A page stays what it is while new rows come, and costs the same however far back it lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet, Subquery
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from tenants.errors import AppError, NotFound
from tenants.ids import parse_id

MOST, USUAL = 100, 20
PARAMETERS = [
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
        description="How many at most.",
    ),
    OpenApiParameter(
        "after", OpenApiTypes.STR, description="The id of the last one of the page before."
    ),
]  # fmt: skip


class PageQuery(serializers.Serializer[Any]):
    """Which page is asked for."""

    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=USUAL)
    after = serializers.CharField(required=False, max_length=100)


class NamedQuery(PageQuery):
    """The same where the cursor is a name of the tenant's own."""

    after = serializers.CharField(required=False, max_length=200)


@dataclass(frozen=True)
class Page:
    """Some rows and whether older ones follow. Rows have a `public_id`."""

    rows: list[Any]
    has_more: bool

    def response(self, request: Request, data: Any) -> Response:
        """`data` (the rows in the words of the API) as a list, with a link to what follows."""
        response = Response({"object": "list", "data": data, "has_more": self.has_more})
        if self.has_more:
            cursor = self.rows[-1].public_id
            address = replace_query_param(request.build_absolute_uri(), "after", cursor)
            response["Link"] = f'<{address}>; rel="next"; results="true"; cursor="{cursor}"'
        return response


def page_of(
    request: Request,
    rows: "QuerySet[Any]",
    kind: str,
    *,
    known_by: str = "pk",
    ordered_by: str = "pk",
) -> Page:
    """The page of `rows` that was asked for; `kind` is a row of `ids.PREFIXES`.

    `known_by` is the column behind the public id, `ordered_by` the one that gives the order; no two
    rows may share a value of either. AppError (`invalid_value`) for a cursor that is no such id.
    One that leads nowhere, as after the deletion of its row, still has a place in the order; where
    the two columns differ it has none, and nothing follows it.
    """
    limit, after = _asked(request)
    if after is not None:
        value = _cursor(after, kind)
        place = Subquery(rows.filter(**{known_by: value}).values(ordered_by)[:1])
        rows = rows.filter(**{f"{ordered_by}__lt": value if known_by == ordered_by else place})
    found: list[Model] = list(rows.order_by(f"-{ordered_by}")[: limit + 1])
    return Page(found[:limit], len(found) > limit)


def page_named(request: Request, rows: "QuerySet[Any]", column: str) -> Page:
    """The page of rows that are listed from the first to the last by a name of the tenant's own,
    which stands in `column` and is their `public_id`.
    """
    query = NamedQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    limit, after = query.validated_data["limit"], query.validated_data.get("after")
    if after is not None:
        rows = rows.filter(**{f"{column}__gt": after})
    found: list[Model] = list(rows.order_by(column)[: limit + 1])
    return Page(found[:limit], len(found) > limit)


def page_among(request: Request, rows: Sequence[Any], kind: str) -> Page:
    """The same of rows that are at hand already, the newest first; nothing follows a cursor that
    leads nowhere.
    """
    limit, after = _asked(request)
    if after is not None:
        _cursor(after, kind)
        ids = [row.public_id for row in rows]
        rows = rows[ids.index(after) + 1 :] if after in ids else []
    return Page(list(rows[:limit]), len(rows) > limit)


def _asked(request: Request) -> tuple[int, str | None]:
    """The `limit` and the `after` of the request."""
    query = PageQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    return query.validated_data["limit"], query.validated_data.get("after")


def _cursor(after: str, kind: str) -> Any:
    try:
        return parse_id(kind, after)
    except NotFound as error:
        raise AppError(
            "invalid_value", f"Not the id of a {kind}. Leave it out to begin anew.", param="after"
        ) from error
