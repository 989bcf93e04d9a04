"""`/api/`: the hosted API to read, made from the OpenAPI document itself."""

from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

from dashboard.reference import Document, groups
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right


@page(Right.READ_OVERVIEW)
def api(request: PageRequest) -> HttpResponse:
    """The reference."""
    origin = request.build_absolute_uri("/").rstrip("/")
    return render(request, "dashboard/api.html", {"groups": groups(_document(), origin)})


@lru_cache(maxsize=1)
def _document() -> Document:
    """The document; it changes only with the code, and takes a while to make."""
    generator: Any = SchemaGenerator  # untyped
    return dict(generator().get_schema(request=None, public=True))
