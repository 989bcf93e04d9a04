"""Changes to API keys: make, rotate, revoke. Each counts from the next request on, everywhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.timezone import now

from tenants.accounts.models import APIKey, Tenant
from tenants.accounts.scopes import PUBLIC_SCOPES, SCOPES
from tenants.accounts.tokens import KINDS, PUBLIC, RESTRICTED, SECRET, new_token
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, NotFound
from tenants.isolation.scope import current_tenant

# Ten years with their last day: longer than any key should last, far from where dates end.
LONGEST_LIFE = timedelta(days=3654)
LONGEST_OVERLAP = timedelta(days=30)
MOST_ORIGINS = 20
# A browser's Origin header (RFC 6454): scheme, host and port, nothing behind.
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class _Wish:
    """What a key shall be, checked."""

    name: str
    kind: str
    scopes: list[str]
    origins: list[str]
    expires_at: datetime | None
    requests_per_second: float | None


@transaction.atomic
def create_key(
    *,
    name: str,
    actor: Actor,
    scopes: Sequence[str] = (),
    kind: str = RESTRICTED,
    origins: Sequence[str] = (),
    expires_at: datetime | None = None,
    requests_per_second: float | None = None,
) -> tuple[APIKey, str]:
    """Make an API key; the returned text is the only time anybody sees it.

    Only a restricted key chooses its scopes: a secret one has all, a public one may send events.
    AppError on a wish that makes no sense, with `param` naming the field.
    """
    if kind not in KINDS:
        raise AppError("unknown_key_kind", f"Choose one of {', '.join(KINDS)}.", param="kind")
    wish = _Wish(
        name=_name(name),
        kind=kind,
        scopes=_scopes(kind, scopes),
        origins=_origins(kind, origins),
        expires_at=_expiry(expires_at),
        requests_per_second=_rate(requests_per_second),
    )
    key, text = _make(wish)
    record(
        AuditEvent.KEY_CREATED,
        actor=actor,
        object_id=key.public_id,
        details={"redacted": key.redacted, "scopes": key.scopes, "kind": kind},
    )
    return key, text


@transaction.atomic
def rotate_key(*, key_id: UUID, overlap: timedelta, actor: Actor) -> tuple[APIKey, str]:
    """Make a key that may do the same; the old one works on for `overlap`, then no more.

    A key with an end gets a successor that lasts as long as it did itself, ten years at most.
    """
    old = _locked(key_id)
    if old.expires_at and old.expires_at <= now():
        raise Conflict("key_expired", "This key has expired. Make a new one.", param="id")
    if old.replaced_by_id:
        raise Conflict("key_rotated", "This key has a successor. Rotate that one.", param="id")
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise AppError(
            "bad_overlap", f"Choose up to {LONGEST_OVERLAP.days} days of overlap.", param="overlap"
        )
    lifetime = old.expires_at - old.created_at if old.expires_at else None
    new, text = _make(
        _Wish(
            name=old.name,
            kind=old.kind,
            scopes=old.scopes,
            origins=old.origins,
            expires_at=now() + min(lifetime, LONGEST_LIFE) if lifetime else None,
            requests_per_second=old.requests_per_second,
        )
    )
    ends = now() + overlap
    old.expires_at = min(old.expires_at, ends) if old.expires_at else ends
    old.replaced_by = new
    old.save(update_fields=["expires_at", "replaced_by"])
    record(
        AuditEvent.KEY_ROTATED,
        actor=actor,
        object_id=old.public_id,
        details={
            "redacted": old.redacted,
            "replaced_by": new.public_id,
            "overlap_seconds": int(overlap.total_seconds()),
        },
    )
    return new, text


@transaction.atomic
def revoke_key(*, key_id: UUID, actor: Actor) -> APIKey:
    """Revoke a key: the very next request with it is refused, in every process."""
    key = _locked(key_id)
    key.revoked_at = now()
    key.save(update_fields=["revoked_at"])
    record(
        AuditEvent.KEY_REVOKED,
        actor=actor,
        object_id=key.public_id,
        details={"redacted": key.redacted},
    )
    return key


def _locked(key_id: UUID) -> APIKey:
    """The key, locked; NotFound, or Conflict when it is revoked."""
    key = APIKey.objects.select_for_update().filter(pk=key_id).first()
    if key is None:
        raise NotFound("key")
    if key.revoked_at:
        raise Conflict("key_revoked", "This key is already revoked.", param="id")
    return key


def _make(wish: _Wish) -> tuple[APIKey, str]:
    tenant_id = current_tenant()
    token = new_token(tenant_id, wish.kind, Tenant.objects.get(pk=tenant_id).mode)
    key = APIKey.objects.create(redacted=token.redacted, hash=token.hash, **vars(wish))
    return key, token.text


def _name(name: str) -> str:
    if not name.strip():
        raise AppError(
            "name_missing", "Give the key a name that says where it is used.", param="name"
        )
    return name.strip()


def _scopes(kind: str, scopes: Sequence[str]) -> list[str]:
    if kind == SECRET:
        return sorted(SCOPES)
    if kind == PUBLIC:
        return sorted(PUBLIC_SCOPES)
    if not scopes:
        raise AppError("scopes_missing", "Choose at least one scope.", param="scopes")
    if not set(scopes) <= SCOPES:
        known = ", ".join(sorted(SCOPES))
        raise AppError("unknown_scope", f"Choose among the scopes {known}.", param="scopes")
    return sorted(set(scopes))


def _origins(kind: str, origins: Sequence[str]) -> list[str]:
    given = sorted({origin.strip().lower().rstrip("/") for origin in origins if origin.strip()})
    if given and kind != PUBLIC:
        raise AppError(
            "origins_not_public", "Only a public key has origins: no other belongs in a browser.",
            param="origins",
        )  # fmt: skip
    wrong = [origin for origin in given if not _ORIGIN.fullmatch(origin)]
    if wrong or len(given) > MOST_ORIGINS:
        raise AppError(
            "bad_origin",
            f"Write up to {MOST_ORIGINS} origins as https://shop.example, without a path.",
            param="origins",
        )
    return given


def _expiry(expires_at: datetime | None) -> datetime | None:
    if expires_at and expires_at <= now():
        raise AppError("expiry_past", "The expiry lies in the past.", param="expires_at")
    if expires_at and expires_at > now() + LONGEST_LIFE:
        raise AppError("expiry_far", "Choose a day within ten years.", param="expires_at")
    return expires_at


def _rate(requests_per_second: float | None) -> float | None:
    if requests_per_second is not None and not 0 < requests_per_second < float("inf"):
        raise AppError(
            "bad_rate", "A rate is a number of requests per second above 0.",
            param="requests_per_second",
        )  # fmt: skip
    return requests_per_second
