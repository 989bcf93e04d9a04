"""What a tenant used, by day and meter. Numbers alone, nothing of a person."""

from django.db import models

from tenants.isolation.models import TenantOwned


class Usage(TenantOwned):
    """The amount of one meter on one day (UTC); of requests, by key as well."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    meter = models.TextField()
    # Whose requests; None for what no key does.
    key_id = models.UUIDField(null=True)
    amount = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "day", "meter", "key_id"],
                name="usage_once",
                nulls_distinct=False,
            )
        ]
