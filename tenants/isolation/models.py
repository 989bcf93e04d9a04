"""What every table of a tenant inherits, and the register of tenants. Knows no app above it."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tenants.isolation.keys import current_version
from tenants.isolation.scope import current_tenant


class TenantOwned(models.Model):
    """A row of one tenant. The table's migration must run `IsolateTenant` for it."""

    # Columns that an export leaves out -> the code of the reason; "*" stands for the whole table.
    kept_back: ClassVar[dict[str, str]] = {}

    # A bare UUID: the ground floor must not point at the tenant's own model above it.
    tenant_id = models.UUIDField(default=current_tenant, editable=False)

    class Meta:
        abstract = True


class TenantForeignKey(models.ForeignKey):  # type: ignore[type-arg]
    """A reference inside one tenant; `IsolateTenant` makes its constraint composite."""

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **options: Any) -> None:
        options["db_constraint"] = False
        super().__init__(to, on_delete, **options)


class KnownTenant(models.Model):
    """The register that periodic duties walk: identifiers alone, nothing a tenant would mind.

    `closes_at` is when the tenant's time is over; the database keeps the grace before it.
    """

    tenant_id = models.UUIDField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    closes_at = models.DateTimeField(null=True)
    # Of the master key, when the tenant was made; see `lasting`.
    key_version = models.SmallIntegerField(default=current_version)


class LastingKey(TenantOwned):
    """A tenant's key that outlives a rotation of the master key, wrapped; see `lasting`."""

    kept_back = {"*": "secret"}

    id = models.BigAutoField(primary_key=True)
    use = models.TextField()
    wrapped = models.BinaryField()
    key_version = models.SmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "use"], name="one_lasting_key")]


def standing() -> list[UUID]:
    """The tenants whose time is not over: nothing more is done for the others but to end them."""
    ours = KnownTenant.objects.filter(Q(closes_at=None) | Q(closes_at__gt=Now()))
    return list(ours.values_list("tenant_id", flat=True))
