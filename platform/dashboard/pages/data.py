"""`/data/`: uploads with their state, the form for a new one, the notices they rest on."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.paging import page_of
from dashboard.wording.states import PURPOSES, STREAMED, UPLOAD_KINDS, UPLOADS
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import MAPPING, accept_upload
from tenants.behaviour.models import Upload
from tenants.behaviour.streaming.streamed import latest_streamed
from tenants.behaviour.wording import streamed_text
from tenants.consent.models import Notice
from tenants.errors import AppError

UPLOADS_SHOWN = 10


class UploadForm(RefusableForm):
    """A file and what it holds; how it is read is asked once it is here."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV, JSON Lines or Parquet, also packed with gzip, zstd or zip. Delimiter, encoding "
            "and columns are found."
        ),
    )
    kind = forms.ChoiceField(label=_("What it holds"), choices=list(UPLOAD_KINDS.items()))

    def __init__(self, *args: Any, rights: frozenset[Right], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if Right.WRITE_CONSENTS not in rights:
            kind = self.fields["kind"]
            kind.choices = [  # type: ignore[attr-defined]
                choice for choice in UPLOAD_KINDS.items() if choice[0] != Upload.CONSENTS
            ]


@page(Right.READ_EVENTS)
def data(request: PageRequest) -> HttpResponse:
    """The page, or only the list of uploads when htmx asks for news."""
    if request.htmx:
        return render(request, "dashboard/_uploads.html", _uploads(request))
    return whole(request, _form(request))


@require_POST
@page(Right.WRITE_EVENTS)
def upload_file(request: PageRequest) -> HttpResponse:
    """Accept a file that came at once, where no script sends it in parts (`parts`); a fault comes
    back beside its field."""
    form = _form(request, request.POST, request.FILES)
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            upload = accept_upload(
                kind=form.cleaned_data["kind"],
                name=file.name,
                chunks=file.chunks(),
                actor=request.actor,
                ask=MAPPING,
            )
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("dashboard:mapping", upload.public_id)
    return whole(request, form, status=422)


def _form(request: PageRequest, *given: Any) -> UploadForm:
    return UploadForm(*given, rights=request.rights)


def whole(request: PageRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    """The whole page with this form."""
    notices = Notice.objects.order_by("notice_id", "-version", "language")
    context = {
        "form": form if Right.WRITE_EVENTS in request.rights else None,
        "notices": [
            (notice, [PURPOSES.get(each, each) for each in notice.purposes]) for notice in notices
        ],
        **_uploads(request),
        **_streamed(),
    }
    return render(request, "dashboard/data.html", context, status=status)


def _streamed() -> dict[str, Any]:
    found = latest_streamed()
    rows = [
        (STREAMED[one.outcome], one, streamed_text(one.outcome, one.code)) for one in found.ended
    ]
    return {"streamed": found, "streamed_rows": rows}


def _uploads(request: PageRequest) -> dict[str, Any]:
    pages = page_of(request, Upload.objects.order_by("-id"), UPLOADS_SHOWN)
    return {
        "pages": pages,
        "uploads": [
            (upload, UPLOADS[upload.state], UPLOAD_KINDS[upload.kind]) for upload in pages.rows
        ],
        "live": any(upload.state in Upload.MOVING for upload in pages.rows),
    }
