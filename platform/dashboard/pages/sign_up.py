"""`/sign-up/`: a person and their business in one step, where the installation is open to that."""

from zoneinfo import available_timezones

from allauth.core import ratelimit
from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from dashboard.forms import NewPasswordField, RefusableForm, check_new_password
from tenants.access.middleware import request_id_of
from tenants.accounts.models import ADDRESS_LENGTH
from tenants.accounts.sign_in import sign_in
from tenants.accounts.sign_up import sign_up as make_account
from tenants.audit.actor import Actor
from tenants.errors import AppError

ZONES = [(name, name) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class SignUpForm(RefusableForm):
    """What is needed to begin; everything else can wait."""

    name = forms.CharField(label=_("Name of the business"), max_length=100)
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=ADDRESS_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    password = NewPasswordField()
    timezone = forms.ChoiceField(
        label=_("Time zone"),
        choices=ZONES,
        initial="UTC",
        help_text=_("Days and weeks in reports begin by it."),
    )

    def clean(self) -> None:
        check_new_password(self, str(self.cleaned_data.get("email", "")))


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """The form; on POST the account. 404 where the installation invites only."""
    if settings.ATTUNE_SIGN_UP != "open":
        raise Http404
    if request.user.is_authenticated:
        return redirect("dashboard:start")
    if request.method != "POST":
        return _shown(request, SignUpForm())
    # Counted before anything is looked at, so that it also tells few which addresses are known.
    if not ratelimit.consume(request, action="signup"):
        return render(request, "429.html", status=429)
    form = SignUpForm(request.POST)
    if not form.is_valid():
        return _shown(request, form, status=422)
    actor = Actor("person", "", auth="password", request_id=request_id_of(request))
    try:
        person, _tenant = make_account(**form.cleaned_data, actor=actor)
    except AppError as error:
        form.refuse(error)
        return _shown(request, form, status=422)
    sign_in(request, person)
    return redirect("dashboard:overview")


def _shown(request: HttpRequest, form: SignUpForm, status: int = 200) -> HttpResponse:
    return render(request, "dashboard/sign_up.html", {"form": form}, status=status)
