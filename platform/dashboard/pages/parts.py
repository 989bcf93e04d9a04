"""`/data/uploads/…` as the page's own script asks: a file in parts, so that a closed tab, a reload
or a broken line costs nothing of what has arrived.

Answers are JSON; a form's faults come back as the form, as without a script.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django import forms
from django.http import HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dashboard.pages.data import UploadForm, whole
from dashboard.wording.errors import refusal_of
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.behaviour.arriving.accepting import MAPPING, RIGHT_TO_UPLOAD
from tenants.behaviour.arriving.parts import begin_upload, complete_upload, take_part
from tenants.behaviour.models import Upload
from tenants.errors import AppError, Denied, NotFound
from tenants.ids import parse_id

# A part in a form of this length stays in memory while its request is read.
PART_BYTES = 2 << 20
P = ParamSpec("P")
Asked = Callable[Concatenate[PageRequest, P], HttpResponse]


class PartsForm(UploadForm):
    """The form of an upload, with the file's name and length in place of the file."""

    name = forms.CharField(max_length=1_000)
    bytes = forms.IntegerField(min_value=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # It is shown, for another one to be chosen, and not asked for.
        self.fields["file"].required = False

    def refuse(self, error: AppError) -> None:
        """What is wrong with name or length is wrong with the file that was chosen."""
        if error.param in ("name", "bytes"):
            self.add_error("file", refusal_of(error))
        else:
            super().refuse(error)

    def clean_bytes(self) -> int:
        size: int = self.cleaned_data["bytes"]
        if not size:
            self.add_error("file", _("The file is empty. Choose another one."))
        return size


def told(view: Asked[P]) -> Asked[P]:
    """A refusal is told to the script in words, where a page would show it."""

    @wraps(view)
    def answer(request: PageRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Denied:
            raise
        except AppError as error:
            words = {"message": refusal_of(error), "code": error.code, **error.params}
            return JsonResponse(words, status=error.status)

    return answer  # type: ignore[return-value]


@require_POST
@page(Right.WRITE_EVENTS)
@told
def begin(request: PageRequest) -> HttpResponse:
    """Begin an upload; a fault comes back as the form with its words."""
    form = PartsForm(request.POST, rights=request.rights)
    if form.is_valid():
        try:
            upload = begin_upload(
                kind=form.cleaned_data["kind"],
                name=form.cleaned_data["name"],
                size=form.cleaned_data["bytes"],
                actor=request.actor,
                ask=MAPPING,
            )
        except AppError as error:
            form.refuse(error)
        else:
            return JsonResponse({**_state(upload), "step": PART_BYTES})
    return whole(request, form, status=422)


@page(Right.READ_EVENTS)
@told
def arrived(request: PageRequest, upload_id: str) -> HttpResponse:
    """How much of an upload is here, for a script that was interrupted."""
    return JsonResponse({**_state(_upload(upload_id)), "step": PART_BYTES})


@require_POST
@page(Right.WRITE_EVENTS)
@told
def part(request: PageRequest, upload_id: str, offset: int) -> HttpResponse:
    """Keep one part."""
    upload = _own(request, upload_id)
    sent = request.FILES.get("part")
    content = sent.read() if sent else b""
    return JsonResponse(_state(take_part(upload_id=upload.id, offset=offset, part=content)))


@require_POST
@page(Right.WRITE_EVENTS)
@told
def complete(request: PageRequest, upload_id: str) -> HttpResponse:
    """Have the file looked into, and say where to tell how it is read."""
    upload = complete_upload(upload_id=_own(request, upload_id).id, actor=request.actor)
    return JsonResponse({"next": reverse("dashboard:mapping", args=[upload.public_id])}, status=202)


def _upload(upload_id: str) -> Upload:
    upload = Upload.objects.filter(pk=parse_id("upload", upload_id)).first()
    if upload is None:
        raise NotFound("upload")
    return upload


def _own(request: PageRequest, upload_id: str) -> Upload:
    """The upload, for a member who may send what it holds."""
    upload = _upload(upload_id)
    right = RIGHT_TO_UPLOAD[upload.kind]
    if right not in request.rights:
        raise Denied("right_missing", "You may not send such a file.")
    return upload


def _state(upload: Upload) -> dict[str, Any]:
    return {
        "id": upload.public_id,
        "here": upload.bytes_received,
        "bytes": upload.bytes,
        "state": upload.state,
    }
