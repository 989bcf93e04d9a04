"""`/keys/`: the tenant's API keys; a new one is shown once, on the answer that made it."""

from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from dashboard.forms import RefusableForm
from dashboard.wording.states import KEY_EXPIRED, KEY_REVOKED, KEY_VALID, Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import SCOPES, Right
from tenants.accounts.keys import create_key, revoke_key
from tenants.accounts.models import APIKey
from tenants.errors import AppError
from tenants.ids import parse_id

SCOPE_NAMES: dict[Right, str | Promise] = {
    Right.READ_RECOMMENDATIONS: gettext_lazy("Ask for recommendations"),
    Right.WRITE_EVENTS: gettext_lazy("Send events and items"),
    Right.READ_EVENTS: gettext_lazy("Read uploads and reports"),
    Right.WRITE_CONSENTS: gettext_lazy("Record consent"),
    Right.READ_CONSENTS: gettext_lazy("Read consent"),
    Right.READ_MODELS: gettext_lazy("Read jobs and versions"),
    Right.MANAGE_MODELS: gettext_lazy("Train, approve and publish"),
    Right.READ_AUDIT: gettext_lazy("Read the audit log"),
}


class KeyForm(RefusableForm):
    """What a new key is for."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Where it is used, such as Web shop."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        choices=[(r.value, name) for r, name in SCOPE_NAMES.items() if r in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        initial=[Right.READ_RECOMMENDATIONS.value],
    )
    expires = forms.DateField(
        label=gettext_lazy("Valid until"),
        required=False,
        help_text=gettext_lazy("The end of that day."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def expires_at(self) -> datetime | None:
        """The last moment of the chosen day in the tenant's zone."""
        chosen = self.cleaned_data["expires"]
        return timezone.make_aware(datetime.combine(chosen, time.max)) if chosen else None


@page(Right.MANAGE_KEYS)
def keys(request: PageRequest) -> HttpResponse:
    """The list and the form."""
    return _whole(request, KeyForm())


@require_POST
@cache_control(no_store=True)
@page(Right.MANAGE_KEYS)
def make_key(request: PageRequest) -> HttpResponse:
    """Make a key and show its text this one time."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _whole(request, form, status=422)
    try:
        key, secret = create_key(
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
            actor=request.actor,
        )
    except AppError as error:
        form.refuse(error)
        return _whole(request, form, status=422)
    context = {"key": key, "secret": secret, "curl": _curl(request, key, secret)}
    return render(request, "dashboard/key_made.html", context)


@require_POST
@page(Right.MANAGE_KEYS)
def revoke(request: PageRequest, key_id: str) -> HttpResponse:
    """Revoke a key: its next request is refused."""
    key = revoke_key(key_id=parse_id("key", key_id), actor=request.actor)
    messages.success(request, _("The key %(name)s is revoked.") % {"name": key.name})
    return redirect("dashboard:keys")


def _whole(request: PageRequest, form: KeyForm, status: int = 200) -> HttpResponse:
    found = APIKey.objects.order_by("revoked_at", "-id")
    rows = [(key, _badge(key), _scopes(key)) for key in found]
    return render(request, "dashboard/keys.html", {"form": form, "keys": rows}, status=status)


def _badge(key: APIKey) -> Badge:
    if key.revoked_at:
        return KEY_REVOKED
    expired = key.expires_at is not None and key.expires_at <= timezone.now()
    return KEY_EXPIRED if expired else KEY_VALID


def _scopes(key: APIKey) -> list[Any]:
    return [SCOPE_NAMES.get(Right(scope), scope) for scope in key.scopes]


def _curl(request: PageRequest, key: APIKey, secret: str) -> str:
    """A line to try the key with; "" for a key that may not ask for recommendations."""
    if Right.READ_RECOMMENDATIONS.value not in key.scopes:
        return ""
    address = request.build_absolute_uri("/v1/recommendations?user_id=USER_ID&limit=10")
    return f'curl -H "Authorization: Bearer {secret}" "{address}"'
