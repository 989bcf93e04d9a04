"""Answers kept for a day, so that a write that was sent twice happens once."""

from django.db import models

from tenants.isolation.models import TenantOwned


class IdempotentAnswer(TenantOwned):
    """The answer to one write that carried an `Idempotency-Key`.

    `name` is a keyed hash of that header, `request` one of what was asked; `sealed` is the
    answer's body under the tenant's key. Nothing of it is readable in the database alone.
    """

    kept_back = {"*": "unreadable"}

    id = models.BigAutoField(primary_key=True)
    name = models.BinaryField()
    request = models.BinaryField()
    status = models.SmallIntegerField(null=True)
    sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="idempotent_once")
        ]
        indexes = [models.Index(fields=["tenant_id", "created_at"], name="idempotent_age")]
