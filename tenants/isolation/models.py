"""What every table of a tenant inherits, and the register of tenants. Knows no app above it."""

from typing import Any

from django.db import models

from tenants.isolation.scope import current_tenant


class TenantOwned(models.Model):
    """A row of one tenant. The table's migration must run `IsolateTenant` for it."""

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
    """The register that periodic duties walk: identifiers alone, nothing a tenant would mind."""

    tenant_id = models.UUIDField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
