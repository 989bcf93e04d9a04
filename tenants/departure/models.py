"""Exports: one sealed file each, kept for a week."""

from datetime import timedelta

from django.db import models

from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantOwned

KEPT_FOR = timedelta(days=7)


class SealedExport(TenantOwned):
    """One file, from the wish to its deletion. `bytes` and `sha256` are the plain zip's."""

    WAITING, RUNNING, DONE = "waiting", "running", "done"
    FAILED, EXPIRED = "failed", "expired"
    OPEN = (WAITING, RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid7)
    state = models.TextField(default=WAITING)
    # How much of it is written, of how much.
    done = models.IntegerField(default=0)
    total = models.IntegerField(default=0)
    bytes = models.BigIntegerField(null=True)
    sha256 = models.BinaryField(null=True)
    # Why it failed, as a code, worded when shown.
    error = models.TextField(default="")
    actor_ref = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def public_id(self) -> str:
        return public_id("export", self.id)

    @property
    def file_name(self) -> str:
        """What the file is called where it is saved."""
        return f"{self.public_id}.zip"


class TenantExport(SealedExport):
    """Everything that the tenant owns."""

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "-created_at"], name="export_latest")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id"],
                condition=models.Q(state__in=("waiting", "running")),
                name="one_open_export",
            )
        ]
