"""What a tenant has chosen and stated for its own compliance."""

from django.db import models

from tenants.isolation.models import TenantOwned


class RetentionChoice(TenantOwned):
    """That a class of data is to be kept for fewer days than usual."""

    id = models.BigAutoField(primary_key=True)
    code = models.TextField()
    days = models.IntegerField()
    actor_ref = models.TextField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "code"], name="one_retention_choice")
        ]


class Statement(TenantOwned):
    """What only the tenant can say for its packs, by the name of the question."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    text = models.TextField()
    actor_ref = models.TextField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "name"], name="one_statement_per_question")
        ]
