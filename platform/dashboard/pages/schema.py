"""`/data/schema/`: what files may hold, column by column, and samples to begin with."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise

from dashboard.wording.columns import COLUMN_TYPES, MEANINGS
from dashboard.wording.states import UPLOAD_KINDS, act_name
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.columns.samples import CHOICES, FORMS, example_of, sample
from tenants.behaviour.columns.schema import CONSENTS, EVENTS, ITEMS, KINDS, UploadKind
from tenants.behaviour.types.event_types import stored_types
from tenants.errors import NotFound

# The order in which somebody needs them: without consent no event counts.
SHOWN = (CONSENTS, ITEMS, EVENTS)
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
FORM_NAMES = {"csv": "CSV", "jsonl": "JSON Lines", "parquet": "Parquet"}


@dataclass(frozen=True)
class Line:
    """One column as the page shows it."""

    name: str
    type: str | Promise
    required: bool
    means: str | Promise
    example: str
    choices: list[str]
    aliases: tuple[str, ...]


@page(Right.READ_EVENTS)
def schema(request: PageRequest) -> HttpResponse:
    """Every kind of upload."""
    context = {
        "kinds": [(kind.name, UPLOAD_KINDS[kind.name], _lines(kind)) for kind in SHOWN],
        "forms": [(form, FORM_NAMES[form]) for form in FORMS],
        "types": [(kind, act_name(kind)) for kind in stored_types().types],
    }
    return render(request, "dashboard/schema.html", context)


@page(Right.READ_EVENTS)
def sample_file(request: PageRequest) -> HttpResponse:
    """A sample to fill with rows of one's own."""
    kind, form = request.GET.get("kind", "events"), request.GET.get("form", "csv")
    if kind not in KINDS or form not in FORMS:
        raise NotFound("sample")
    reply = HttpResponse(sample(kind, form), content_type=MEDIA_TYPES[form])
    reply["Content-Disposition"] = f'attachment; filename="{kind}.{form}"'
    return reply


def _lines(kind: UploadKind) -> list[Line]:
    return [
        Line(
            name=column.name,
            type=COLUMN_TYPES[column.type],
            required=column.required,
            means=MEANINGS[kind.name][column.name],
            example=example_of(kind, column.name),
            choices=CHOICES[kind].get(column.name, []),
            aliases=column.aliases,
        )
        for column in kind.columns
    ]
