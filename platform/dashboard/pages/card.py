"""`…/card/` of a version and `/models/compare/`: one version explained, two side by side."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from dashboard.gates import gate_lines
from dashboard.standing import NDCG, Standing, serving_one, standings
from dashboard.wording.gates import EXCLUDED, GROUP_TITLES, LIMITS, SLICES
from dashboard.wording.models import SOURCES, said
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.errors import NotFound
from tenants.ids import parse_id
from training.jobs.card import FEW_EVENTS, NEW_HISTORY, card_of, compare
from training.jobs.models import Version

CHOICES = 50  # the newest versions, to choose two of


@page(Right.READ_MODELS)
def card(request: PageRequest, version_id: str) -> HttpResponse:
    """The model card; as JSON with `?format=json`."""
    version = _found(version_id)
    told = card_of(version)
    if request.GET.get("format") == "json":
        return JsonResponse(told)
    context = {
        "version": version,
        "card": told,
        "standings": standings(version.manifest),
        "gates": gate_lines(told["gates"]),
        "slices": [(said(SLICES, part["name"]), part) for part in told["slices"]],
        "parted": [(said(GROUP_TITLES, group["measure"]), group) for group in told["groups"]],
        "excluded": [(said(EXCLUDED, code), n) for code, n in told["data"]["excluded"].items()],
        "limits": [said(LIMITS, code) for code in told["limits"]],
        "new_history": NEW_HISTORY,
        "few_events": FEW_EVENTS,
    }
    return render(request, "dashboard/card.html", context)


@page(Right.READ_MODELS)
def comparison(request: PageRequest) -> HttpResponse:
    """Two versions side by side, `?a=…&b=…`; without them, the choice of two."""
    chosen = [_found(request.GET[name]) for name in ("a", "b") if request.GET.get(name)]
    context: dict[str, Any] = {
        "versions": Version.objects.order_by("-number")[:CHOICES],
        "a": chosen[0] if chosen else None,
        "b": chosen[1] if len(chosen) == 2 else None,
    }
    if len(chosen) == 2:
        context |= {"rows": _rows(*chosen), "difference": compare(*chosen)}
    return render(request, "dashboard/compare.html", context)


def _rows(one: Version, other: Version) -> list[tuple[str, list[float | None]]]:
    """Per source, and first for what serves: NDCG@10 on validation and test, of both versions."""
    sides = [standings(version.manifest) for version in (one, other)]
    by_code = [{line.code: line for line in side} for side in sides]
    served = _figures([serving_one(side) for side in sides])
    rows = [(said(SOURCES, code), _figures([side.get(code) for side in by_code]))
            for code in SOURCES]  # fmt: skip
    return [("", served), *(row for row in rows if any(row[1]))]


def _figures(lines: list[Standing | None]) -> list[float | None]:
    return [part.get(NDCG) if line else None for line in lines
            for part in ((line.validation, line.test) if line else ({}, {}))]  # fmt: skip


def _found(version_id: str) -> Version:
    rows = Version.objects.select_related("job", "snapshot")
    version = rows.filter(pk=parse_id("version", version_id)).first()
    if version is None:
        raise NotFound("version")
    return version
