"""Changes to tenants, members and keys: check, change, record."""

from datetime import datetime
from uuid import UUID
from zoneinfo import available_timezones

from django.db import transaction
from django.utils.timezone import now

from tenants.accounts.models import APIKey, Member, Person, Role, Tenant
from tenants.accounts.scopes import SCOPES
from tenants.accounts.tokens import new_token
from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.errors import AppError, Conflict, NotFound
from tenants.ids import uuid7
from tenants.isolation.models import KnownTenant
from tenants.isolation.scope import current_tenant, tenant_scope


def create_tenant(
    *,
    name: str,
    actor: Actor,
    owner: Person | None = None,
    timezone: str = "UTC",
    jurisdiction: str = "GB",
    controller_contact: str = "",
    shift_weeks: int = 0,
    synthetic_consent: bool = False,
) -> Tenant:
    """Make a tenant, register it for periodic duties, and let `owner` in as its owner."""
    if not name.strip():
        raise AppError("name_missing", "Give the tenant a name.", param="name")
    if timezone not in available_timezones():
        raise AppError(
            "unknown_timezone", "Write an IANA name such as Europe/London.", param="timezone"
        )
    tenant_id = uuid7()
    with tenant_scope(tenant_id):
        tenant = Tenant.objects.create(
            id=tenant_id,
            name=name.strip(),
            timezone=timezone,
            jurisdiction=jurisdiction,
            controller_contact=controller_contact,
            shift_weeks=shift_weeks,
            synthetic_consent=synthetic_consent,
        )
        KnownTenant.objects.create(tenant_id=tenant_id)
        record(
            AuditEvent.TENANT_CREATED,
            actor=actor,
            object_id=tenant.public_id,
            details={"demo": synthetic_consent},
        )
        if owner:
            add_member(person=owner, role=Role.OWNER, actor=actor)
    return tenant


@transaction.atomic
def add_member(*, person: Person, role: Role, actor: Actor) -> Member:
    """Give `person` a place in the tenant of the scope; Conflict when they have one."""
    if Member.objects.filter(tenant_id=current_tenant(), person=person).exists():
        raise Conflict("member_exists", "This person is already a member.", param="person")
    member = Member.objects.create(person=person, role=role)
    record(
        AuditEvent.MEMBER_ADDED,
        actor=actor,
        object_id=member.public_id,
        details={"role": str(role)},
    )
    return member


@transaction.atomic
def create_key(
    *, name: str, scopes: list[str], actor: Actor, expires_at: datetime | None = None
) -> tuple[APIKey, str]:
    """Make an API key; the returned text is the only time anybody sees it."""
    if not name.strip():
        raise AppError(
            "name_missing",
            "Give the key a name that says where it is used.",
            param="name",
        )
    if not scopes:
        raise AppError("scopes_missing", "Choose at least one scope.", param="scopes")
    if not set(scopes) <= SCOPES:
        known = ", ".join(sorted(SCOPES))
        raise AppError("unknown_scope", f"Choose among the scopes {known}.", param="scopes")
    if expires_at and expires_at <= now():
        raise AppError("expiry_past", "The expiry lies in the past.", param="expires_at")
    token = new_token(current_tenant())
    key = APIKey.objects.create(
        name=name.strip(),
        redacted=token.redacted,
        hash=token.hash,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    record(
        AuditEvent.KEY_CREATED,
        actor=actor,
        object_id=key.public_id,
        details={"redacted": key.redacted, "scopes": key.scopes},
    )
    return key, token.text


@transaction.atomic
def revoke_key(*, key_id: UUID, actor: Actor) -> APIKey:
    """Revoke a key: the very next request with it is refused, in every process."""
    key = APIKey.objects.select_for_update().filter(pk=key_id).first()
    if key is None:
        raise NotFound("key")
    if key.revoked_at:
        raise Conflict("key_revoked", "This key is already revoked.", param="id")
    key.revoked_at = now()
    key.save(update_fields=["revoked_at"])
    record(
        AuditEvent.KEY_REVOKED,
        actor=actor,
        object_id=key.public_id,
        details={"redacted": key.redacted},
    )
    return key
