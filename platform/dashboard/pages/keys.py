"""`/keys/`: the tenant's API keys; a new one is shown once, on the answer that made it."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
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
from dashboard.wording.states import KEY_EXPIRED, KEY_REPLACED, KEY_REVOKED, KEY_VALID, Badge
from tenants.access.pages import PageRequest, page
from tenants.access.rights import SCOPES, Right
from tenants.accounts.keys import create_key, revoke_key, rotate_key
from tenants.accounts.models import APIKey
from tenants.accounts.tokens import PUBLIC, RESTRICTED, SECRET
from tenants.errors import AppError
from tenants.ids import parse_id
from tenants.tracking.snippet import PATH, embedding

SCOPE_NAMES: dict[Right, str | Promise] = {
    Right.READ_RECOMMENDATIONS: gettext_lazy("Ask for recommendations"),
    Right.WRITE_EVENTS: gettext_lazy("Send events and items"),
    Right.READ_EVENTS: gettext_lazy("Read uploads and reports"),
    Right.WRITE_CONSENTS: gettext_lazy("Record consent"),
    Right.READ_CONSENTS: gettext_lazy("Read consent"),
    Right.READ_MODELS: gettext_lazy("Read jobs and versions"),
    Right.MANAGE_MODELS: gettext_lazy("Train, approve and publish"),
    Right.MANAGE_RIGHTS: gettext_lazy("Handle requests of people about their data"),
    Right.READ_AUDIT: gettext_lazy("Read the audit log"),
    Right.READ_USAGE: gettext_lazy("Read usage and limits"),
}
KIND_NAMES: dict[str, str | Promise] = {
    RESTRICTED: gettext_lazy("Restricted: only what is ticked below"),
    SECRET: gettext_lazy("Secret: everything a key can do; for your own servers"),
    PUBLIC: gettext_lazy("Public: may only send events; safe in a browser"),
}
# Hours for which a replaced key works on.
OVERLAPS: tuple[tuple[int, str | Promise], ...] = (
    (24, gettext_lazy("one day")),
    (24 * 7, gettext_lazy("one week")),
    (1, gettext_lazy("one hour")),
    (0, gettext_lazy("not at all")),
)


class KeyForm(RefusableForm):
    """What a new key is for."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Where it is used, such as Web shop."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=list(KIND_NAMES.items()),
        widget=forms.RadioSelect,
        initial=RESTRICTED,
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        required=False,
        help_text=gettext_lazy("Of a restricted key."),
        choices=[(r.value, name) for r, name in SCOPE_NAMES.items() if r in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        initial=[Right.READ_RECOMMENDATIONS.value],
    )
    origins = forms.CharField(
        label=gettext_lazy("Pages that may use it"),
        required=False,
        max_length=2_000,
        help_text=gettext_lazy(
            "Of a public key: one address a line, such as https://shop.example. Empty: any page."
        ),
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
    )
    requests_per_second = forms.FloatField(
        label=gettext_lazy("Requests per second"),
        required=False,
        min_value=0.01,
        help_text=gettext_lazy("Narrower than your plan's limit; empty: the plan's."),
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
            kind=form.cleaned_data["kind"],
            scopes=form.cleaned_data["scopes"],
            origins=form.cleaned_data["origins"].splitlines(),
            requests_per_second=form.cleaned_data["requests_per_second"],
            expires_at=form.expires_at(),
            actor=request.actor,
        )
    except AppError as error:
        form.refuse(error)
        return _whole(request, form, status=422)
    return _shown_once(request, key, secret)


@require_POST
@cache_control(no_store=True)
@page(Right.MANAGE_KEYS)
def rotate(request: PageRequest, key_id: str) -> HttpResponse:
    """Make a key that takes another's place, and show its text this one time."""
    asked = request.POST.get("overlap", "")
    hours = int(asked) if asked in {str(each) for each, _ in OVERLAPS} else OVERLAPS[0][0]
    key, secret = rotate_key(
        key_id=parse_id("key", key_id), overlap=timedelta(hours=hours), actor=request.actor
    )
    return _shown_once(request, key, secret)


@require_POST
@page(Right.MANAGE_KEYS)
def revoke(request: PageRequest, key_id: str) -> HttpResponse:
    """Revoke a key: its next request is refused."""
    key = revoke_key(key_id=parse_id("key", key_id), actor=request.actor)
    messages.success(request, _("The key %(name)s is revoked.") % {"name": key.name})
    return redirect("dashboard:keys")


def _shown_once(request: PageRequest, key: APIKey, secret: str) -> HttpResponse:
    replaced = APIKey.objects.filter(replaced_by=key).first()
    context = {
        "key": key,
        "secret": secret,
        "curl": _curl(request, key, secret),
        "embedding": _embedding(request, secret) if key.kind == PUBLIC else "",
        "replaced_ends": replaced.expires_at if replaced else None,
    }
    return render(request, "dashboard/key_made.html", context)


def _whole(request: PageRequest, form: KeyForm, status: int = 200) -> HttpResponse:
    found = APIKey.objects.order_by("revoked_at", "-id")
    rows = [(key, _badge(key), _may(key)) for key in found]
    context = {
        "form": form,
        "keys": rows,
        "overlaps": OVERLAPS,
        "embedding": _embedding(request, "ak_public_…"),
        "segment": _segment(request),
    }
    return render(request, "dashboard/keys.html", context, status=status)


def _badge(key: APIKey) -> Badge:
    if key.revoked_at:
        return KEY_REVOKED
    if key.expires_at is not None and key.expires_at <= timezone.now():
        return KEY_EXPIRED
    return KEY_REPLACED if key.replaced_by_id else KEY_VALID


def _may(key: APIKey) -> list[Any]:
    """What a key may do, in words; of a secret one that it may do all."""
    if key.kind == SECRET:
        return [_("Everything a key can do")]
    return [SCOPE_NAMES.get(Right(scope), scope) for scope in key.scopes]


def _embedding(request: PageRequest, secret: str) -> str:
    """The lines for a shop's pages. The file's plain name outlives an upgrade."""
    return embedding(request.build_absolute_uri(f"{settings.STATIC_URL}{PATH}"), secret)


def _segment(request: PageRequest) -> str:
    """How Segment's own libraries are pointed here."""
    host = request.build_absolute_uri("/").rstrip("/")
    return (
        f'Python   Client("ak_…", host="{host}")\n'
        f'Node     new Analytics({{ writeKey: "ak_…", host: "{host}" }})'
    )


def _curl(request: PageRequest, key: APIKey, secret: str) -> str:
    """A line to try the key with; "" for a key that can neither ask nor send."""
    if key.kind == PUBLIC:
        address = request.build_absolute_uri("/v1/events")
        origin = f' -H "Origin: {key.origins[0]}"' if key.origins else ""
        event = '{"user_id": "USER_ID", "item_id": "ITEM_ID", "type": "view"}'
        return (
            f'curl -H "Authorization: Bearer {secret}"{origin} '
            f'-H "Content-Type: application/json" -d \'{event}\' "{address}"'
        )
    if Right.READ_RECOMMENDATIONS.value not in key.scopes:
        return ""
    address = request.build_absolute_uri("/v1/recommendations?user_id=USER_ID&limit=10")
    return f'curl -H "Authorization: Bearer {secret}" "{address}"'
