"""What the frame of every page shows: navigation by rights, tenant, role, languages.

Works for anonymous requests and for error pages, where there is no tenant and no right yet.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tenants.access.rights import Right
from tenants.accounts.models import Role, Tenant


@dataclass(frozen=True)
class Place:
    """One entry of the navigation and the right without which it is not shown."""

    view: str
    label: str | Promise
    icon: str
    right: Right


# The order of the navigation; a phone shows the first four and the rest behind "More".
PLACES = (
    Place("overview", _("Overview"), "overview", Right.READ_OVERVIEW),
    Place("data", _("Data"), "data", Right.READ_EVENTS),
    Place("consent", _("Consent"), "consent", Right.READ_CONSENTS),
    Place("models", _("Models"), "models", Right.READ_MODELS),
    Place("try", _("Try it"), "try", Right.READ_RECOMMENDATIONS),
    Place("fleet", _("Devices"), "fleet", Right.READ_MODELS),
    Place("rights", _("Rights requests"), "rights", Right.MANAGE_RIGHTS),
    Place("lineage", _("Lineage"), "lineage", Right.READ_CONSENTS),
    Place("audit", _("Audit log"), "audit", Right.READ_AUDIT),
    Place("evidence", _("Exports"), "exports", Right.READ_AUDIT),
    Place("members", _("Members"), "members", Right.MANAGE_MEMBERS),
    Place("keys", _("API keys"), "keys", Right.MANAGE_KEYS),
    Place("usage", _("Usage"), "usage", Right.READ_USAGE),
    Place("settings", _("Settings"), "settings", Right.MANAGE_TENANT),
    Place("api", _("API"), "api", Right.READ_OVERVIEW),
)
ON_A_PHONE = 4

ROLE_NAMES: dict[str, str | Promise] = {
    Role.OWNER: _("Owner"),
    Role.ADMIN: _("Administrator"),
    Role.ANALYST: _("Analyst"),
    Role.AUDITOR: _("Auditor"),
}
# Code, the button's short text, and the language's name in itself.
LANGUAGES = (("en", "EN", "English"), ("zh-hans", "中", "简体中文"))


@dataclass(frozen=True)
class Entry:
    """A place as the navigation links to it."""

    url: str
    label: str | Promise
    icon: str
    current: bool


@dataclass(frozen=True)
class Shell:
    """The frame's content. `tenant` is None where no membership has been chosen.

    `others` are the person's further tenants; `may_open_test` says that a test mode is missing.
    """

    tenant: Tenant | None
    role: str | Promise
    nav: tuple[Entry, ...]
    others: tuple[Tenant, ...] = ()
    may_open_test: bool = False
    sign_up_open: bool = False
    languages: tuple[tuple[str, str, str], ...] = LANGUAGES

    @property
    def tabs(self) -> tuple[Entry, ...]:
        return self.nav[:ON_A_PHONE]

    @property
    def rest(self) -> tuple[Entry, ...]:
        return self.nav[ON_A_PHONE:]


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor: adds `shell` to every rendered page."""
    member = getattr(request, "member", None)
    return {
        "shell": Shell(
            tenant=getattr(request, "tenant", None),
            role=ROLE_NAMES.get(member.role, "") if member else "",
            nav=tuple(_entries(request)),
            sign_up_open=settings.ATTUNE_SIGN_UP == "open",
            **_switch(request),
        )
    }


def _switch(request: HttpRequest) -> dict[str, Any]:
    """Where the person may go instead of the tenant that they look at."""
    tenant: Tenant | None = getattr(request, "tenant", None)
    if tenant is None:
        return {}
    own: list[Tenant] = getattr(request, "tenants", [])
    has_test = tenant.live_id or any(each.live_id == tenant.id for each in own)
    rights: frozenset[Right] = getattr(request, "rights", frozenset())
    return {
        "others": tuple(each for each in own if each.id != tenant.id),
        "may_open_test": not (has_test or tenant.resting) and Right.MANAGE_TENANT in rights,
    }


def _entries(request: HttpRequest) -> list[Entry]:
    rights: frozenset[Right] = getattr(request, "rights", frozenset())
    return [
        Entry(
            url=(url := reverse(f"dashboard:{place.view}")),
            label=place.label,
            icon=place.icon,
            current=request.path == url or (url != "/" and request.path.startswith(url)),
        )
        for place in PLACES
        if place.right in rights
    ]
