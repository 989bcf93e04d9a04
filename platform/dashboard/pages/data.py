"""`/data/`: uploads with their state, the form for a new one, the notices they rest on."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.paging import page_of
from dashboard.wording.states import PURPOSES, STREAMED, UPLOAD_KINDS, UPLOADS, act_name
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.event_context import context_field, is_context
from tenants.behaviour.event_types import stored_types
from tenants.behaviour.models import Upload
from tenants.behaviour.services import accept_upload
from tenants.behaviour.streamed import latest_streamed
from tenants.behaviour.wording import streamed_text
from tenants.consent.models import Notice
from tenants.errors import AppError

UPLOADS_SHOWN = 10


class UploadForm(RefusableForm):
    """A file, what it holds, and what it does not say itself."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "CSV, JSON Lines or Parquet, also packed with gzip, zstd or zip. Delimiter, encoding "
            "and columns are found."
        ),
    )
    kind = forms.ChoiceField(label=_("What it holds"), choices=list(UPLOAD_KINDS.items()))
    default_type = forms.ChoiceField(
        label=_("Event type"),
        required=False,
        help_text=_("For a file of events without a column that names the type."),
    )
    timezone = forms.CharField(
        label=_("Time zone"),
        help_text=_("Of times that carry none, such as Europe/London."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    cancellation_prefix = forms.CharField(
        label=_("Cancelled orders begin with"),
        required=False,
        max_length=20,
        help_text=_("Such as C for an order C123456."),
    )

    known_items_only = forms.BooleanField(
        label=_("Leave out events of items that no catalogue has told of"), required=False
    )
    groups = forms.CharField(
        label=_("Columns that tell groups of people"),
        required=False,
        max_length=200,
        help_text=_("Of a file of events, such as Country. Kept beside each event, for the check "
                    "of fairness; at most four, with commas between them."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip

    def __init__(self, *args: Any, rights: frozenset[Right], zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["timezone"] = zone
        acts = [(kind.name, act_name(kind)) for kind in stored_types().types]
        types = [("", _("As the file says")), *acts]
        self.fields["default_type"].choices = types  # type: ignore[attr-defined]
        if Right.WRITE_CONSENTS not in rights:
            kind = self.fields["kind"]
            kind.choices = [  # type: ignore[attr-defined]
                choice for choice in UPLOAD_KINDS.items() if choice[0] != Upload.CONSENTS
            ]

    def clean_timezone(self) -> str:
        zone = str(self.cleaned_data["timezone"]).strip()
        if zone not in available_timezones():
            raise forms.ValidationError(_("Write an IANA name such as Europe/London."))
        return zone

    def clean_groups(self) -> dict[str, str]:
        """A mapping of context keys, each named after its column."""
        columns = [name.strip() for name in str(self.cleaned_data["groups"]).split(",")]
        found = {context_field(name): name for name in columns if name}
        if not all(map(is_context, found)):
            raise forms.ValidationError(
                _("Write headings that begin with a letter, in letters and digits.")
            )
        if found and self.cleaned_data.get("kind") != Upload.EVENTS:
            raise forms.ValidationError(_("Only a file of events tells groups of people."))
        return found

    def options(self) -> dict[str, Any]:
        """What the reader of the file is told besides the file."""
        return {
            "default_type": self.cleaned_data["default_type"] or None,
            "timezone": self.cleaned_data["timezone"],
            "cancellation_prefix": self.cleaned_data["cancellation_prefix"],
            "known_items_only": self.cleaned_data["known_items_only"],
        }


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
                mapping=form.cleaned_data["groups"],
                options=form.options(),
            )
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("dashboard:upload", upload.public_id)
    return whole(request, form, status=422)


def _form(request: PageRequest, *given: Any) -> UploadForm:
    return UploadForm(*given, rights=request.rights, zone=request.tenant.timezone)


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
        "live": any(upload.state in Upload.OPEN for upload in pages.rows),
    }
