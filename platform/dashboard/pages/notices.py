"""`/consent/notices/`: the notices that people were shown, archived byte by byte."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.small_groups import few
from dashboard.wording.states import PURPOSES
from tenants.access.pages import PageRequest, page
from tenants.access.rights import Right
from tenants.consent.changing import relying, replaced_by
from tenants.consent.models import Notice
from tenants.consent.notices import archive_notice
from tenants.consent.vocabulary import Purpose
from tenants.errors import AppError
from tenants.ids import parse_id

LONGEST = 500_000


class NoticeForm(RefusableForm):
    """One version of a notice in one language, exactly as it is shown."""

    notice_id = forms.CharField(
        label=gettext_lazy("Notice"), max_length=200, help_text=gettext_lazy("Such as privacy.")
    )
    version = forms.CharField(label=gettext_lazy("Version"), max_length=200)
    language = forms.CharField(
        label=gettext_lazy("Language"), max_length=35, help_text=gettext_lazy("Such as en or zh.")
    )
    body = forms.CharField(
        label=gettext_lazy("Text"), max_length=LONGEST, strip=False, widget=forms.Textarea
    )
    purposes = forms.MultipleChoiceField(
        label=gettext_lazy("It asks for"),
        choices=list(PURPOSES.items()),
        widget=forms.CheckboxSelectMultiple,
    )
    pii_categories = forms.CharField(
        label=gettext_lazy("Categories of data"),
        max_length=1_000,
        required=False,
        help_text=gettext_lazy("With commas between them, such as purchases, pages."),
    )
    material_change = forms.BooleanField(
        label=gettext_lazy("Something else of weight has changed, such as the method"),
        required=False,
    )
    later_events_only = forms.BooleanField(
        label=gettext_lazy("Only what people do after they consent counts"), required=False
    )
    effective_at = forms.DateTimeField(
        label=gettext_lazy("Takes effect"),
        required=False,
        help_text=gettext_lazy("At once, when left empty."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )

    def told(self) -> dict[str, Any]:
        """The words of `archive_notice`."""
        words = dict(self.cleaned_data)
        # A browser sends line ends as two characters; what is archived has one.
        words["body"] = words["body"].replace("\r\n", "\n").encode()
        words["purposes"] = [Purpose(each) for each in words["purposes"]]
        listed = words["pii_categories"].split(",")
        words["pii_categories"] = [each.strip() for each in listed if each.strip()]
        return words


@page(Right.READ_CONSENTS)
def notices(request: PageRequest) -> HttpResponse:
    """What is archived, and for who may the form."""
    return _whole(request, NoticeForm())


@require_POST
@page(Right.WRITE_CONSENTS)
def archive(request: PageRequest) -> HttpResponse:
    """Archive one; says how many people's consent rests from its moment on."""
    form = NoticeForm(request.POST)
    if form.is_valid():
        try:
            made = archive_notice(**form.told(), actor=request.actor)
        except AppError as error:
            form.refuse(error)
        else:
            messages.success(request, _said(made))
            return redirect("dashboard:notices")
    return _whole(request, form, status=422)


@page(Right.READ_CONSENTS)
def notice_bytes(request: PageRequest, notice_id: str) -> HttpResponse:
    """The archived bytes themselves: their SHA-256 is what records name."""
    found = Notice.objects.filter(pk=parse_id("notice", notice_id)).first()
    if found is None:
        raise Http404
    return HttpResponse(bytes(found.body), content_type="text/plain; charset=utf-8")


def _said(made: Notice) -> str:
    earlier = replaced_by(made)
    people = relying(earlier) if earlier else 0
    if not people:
        return _("The notice is archived. No consent rests on an earlier version of it.")
    words = ngettext(
        "The notice is archived. The consent of %(people)s person rests until renewed under it.",
        "The notice is archived. The consent of %(people)s people rests until renewed under it.",
        people,
    )
    return words % {"people": few(people)}


def _whole(request: PageRequest, form: NoticeForm, status: int = 200) -> HttpResponse:
    found = Notice.objects.defer("body").order_by("notice_id", "-archived_at", "language")
    context = {
        "form": form if Right.WRITE_CONSENTS in request.rights else None,
        "notices": [
            (notice, [PURPOSES.get(each, each) for each in notice.purposes]) for notice in found
        ],
    }
    return render(request, "dashboard/notices.html", context, status=status)
