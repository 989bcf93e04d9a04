"""`/data/uploads/<id>/mapping/`: which column is which, the first rows as they would be read, a
check of the whole file without storing it, and the beginning."""

from typing import Any

from cryptography.exceptions import InvalidTag
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from dashboard.pages.upload import rows as outcome_rows
from dashboard.reading_choices import Choices, OptionsForm, options_before, posted, proposed
from dashboard.reading_view import Context, lines_of, read_rows
from dashboard.wording.errors import error_text, refusal_of
from dashboard.wording.mapping import DELIMITERS, ENCODINGS
from dashboard.wording.states import UPLOAD_KINDS, UPLOADS
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import RIGHT_TO_UPLOAD
from tenants.behaviour.arriving.parts import give_up
from tenants.behaviour.asking import look as looks
from tenants.behaviour.asking.look import Look
from tenants.behaviour.asking.services import look_again, rehearse_upload, start_upload
from tenants.behaviour.cleaning.event_cleaning import CANCELLATION
from tenants.behaviour.models import Upload
from tenants.behaviour.processing.report import Report
from tenants.behaviour.types.event_types import stored_types
from tenants.errors import AppError, Denied, NotFound
from tenants.ids import parse_id


@page(Right.WRITE_EVENTS)
def mapping(request: PageRequest, upload_id: str) -> HttpResponse:
    """The page; its live part alone when htmx asks for news; the report once it has begun."""
    upload = _own(request, upload_id)
    if upload.state not in Upload.ASKED:
        if request.htmx:
            return _go(request, upload)
        return redirect("dashboard:upload", upload.public_id)
    if request.htmx and upload.state == Upload.MAPPING:
        return _go(request, upload, "dashboard:mapping")
    template = "_mapping_waits.html" if request.htmx else "mapping.html"
    return render(request, f"dashboard/{template}", _context(request, upload))


@require_POST
@page(Right.WRITE_EVENTS)
def read_so(request: PageRequest, upload_id: str) -> HttpResponse:
    """The first rows as they would be read with what is chosen now; nothing is kept."""
    upload = _own(request, upload_id)
    types = stored_types()
    form = OptionsForm(request.POST, kind=upload.kind, types=types)
    look = _kept(upload)
    if look is None or upload.state != Upload.MAPPING:
        return _go(request, upload, "dashboard:mapping")
    choices = _chosen(request, upload, look, form)
    return render(
        request, "dashboard/_mapping_preview.html", read_rows(upload, look, choices, types)
    )


@require_POST
@page(Right.WRITE_EVENTS)
def act_on_mapping(request: PageRequest, upload_id: str) -> HttpResponse:
    """Begin, check first, look again, or give up; a refusal comes back above the form."""
    upload = _own(request, upload_id)
    act = ACTS.get(request.POST.get("do", ""))
    if act is None:
        raise NotFound("act")
    look = _kept(upload)
    form = OptionsForm(request.POST, kind=upload.kind, types=stored_types())
    if act is not _again and act is not _give_up and (look is None or not form.is_valid()):
        return _refused(request, upload, form, None)
    try:
        act(request, upload, look, form)
    except AppError as error:
        return _refused(request, upload, form, error)
    upload.refresh_from_db()
    to = "dashboard:mapping" if upload.state in Upload.ASKED else "dashboard:upload"
    return redirect(to, upload.public_id)


def _start(request: PageRequest, upload: Upload, look: Look, form: OptionsForm) -> None:
    choices = _chosen(request, upload, look, form)
    start_upload(
        upload_id=upload.id, actor=request.actor, mapping=choices.mapping, options=choices.options
    )


def _check(request: PageRequest, upload: Upload, look: Look, form: OptionsForm) -> None:
    choices = _chosen(request, upload, look, form)
    rehearse_upload(
        upload_id=upload.id, actor=request.actor, mapping=choices.mapping, options=choices.options
    )


def _again(request: PageRequest, upload: Upload, look: Any, form: OptionsForm) -> None:
    look_again(
        upload_id=upload.id,
        encoding=request.POST.get("encoding") or None,
        delimiter=request.POST.get("delimiter") or None,
    )


def _give_up(request: PageRequest, upload: Upload, look: Any, form: OptionsForm) -> None:
    give_up(upload_id=upload.id, actor=request.actor)


ACTS = {"start": _start, "check": _check, "again": _again, "give_up": _give_up}


def _own(request: PageRequest, upload_id: str) -> Upload:
    """The upload, for a member who may send what it holds."""
    upload = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
    if upload is None:
        raise NotFound("upload")
    if RIGHT_TO_UPLOAD[upload.kind] not in request.rights:
        raise Denied("right_missing", "You may not send such a file.")
    return upload


def _kept(upload: Upload) -> Look | None:
    """What was seen of the file; None while nothing was, or where it could not be opened."""
    try:
        return looks.kept(upload.tenant_id, upload.id)
    except (FileNotFoundError, InvalidTag):
        return None


def _go(request: PageRequest, upload: Upload, to: str = "dashboard:upload") -> HttpResponse:
    """Have htmx load another page."""
    reply = HttpResponse()
    reply["HX-Redirect"] = redirect(to, upload.public_id)["Location"]
    return reply


def _chosen(request: PageRequest, upload: Upload, look: Look, form: OptionsForm) -> Choices:
    before = options_before(upload, look)
    options = form.options(before) if form.is_valid() else before
    return Choices(posted(upload, look, request.POST), options)


def _refused(
    request: PageRequest, upload: Upload, form: OptionsForm, error: AppError | None
) -> HttpResponse:
    upload.refresh_from_db()
    context = _context(request, upload, form)
    context["refused"] = refusal_of(error) if error else ""
    return render(request, "dashboard/mapping.html", context, status=422)


def _context(request: PageRequest, upload: Upload, form: OptionsForm | None = None) -> Context:
    told = upload.rehearsal.get("error")
    context: Context = {
        "upload": upload,
        "kind": UPLOAD_KINDS[upload.kind],
        "badge": UPLOADS[upload.state],
        "live": upload.state != Upload.MAPPING,
        "error": error_text(told["code"], told["params"]) if told else "",
        "delimiters": DELIMITERS.items(),
        "encodings": ENCODINGS.items(),
        "chosen": upload.options.get("options", {}),
    }
    look = _kept(upload) if upload.state == Upload.MAPPING else None
    if look is None:
        return context
    types = stored_types()
    if form is None:
        choices = proposed(upload, look, request.tenant.timezone, types)
        form = OptionsForm(initial=choices.options, kind=upload.kind, types=types)
    else:
        choices = _chosen(request, upload, look, form)
    report = upload.rehearsal.get("report")
    return {
        **context,
        **read_rows(upload, look, choices, types),
        **lines_of(upload, choices),
        "look": look,
        "form": form,
        "report": Report.from_plain(report) if report else None,
        "rows": outcome_rows(Report.from_plain(report)) if report else [],
        "cancels": any(one["code"] == CANCELLATION for one in (report or {}).get("outcomes", ())),
    }
