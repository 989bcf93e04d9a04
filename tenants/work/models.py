"""The one queue of leased work, and what each tenant used of the queues that are fair. No payload:
tenant, kind, object and lease.
"""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class WorkItem(models.Model):
    """A promise to run `kind` on one object. Not a tenant's table: a worker looks at all of it."""

    WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"

    tenant_id = models.UUIDField()
    kind = models.TextField()
    object_id = models.UUIDField()
    queue = models.TextField()
    state = models.TextField(default=WAITING)
    # Asked for while it runs: once finished, it waits again.
    again = models.BooleanField(default=False)
    code = models.TextField(default="")
    attempts = models.IntegerField(default=0)
    lease_token = models.BigIntegerField(default=0)
    lease_owner = models.TextField(default="")
    lease_until = models.DateTimeField(null=True)
    run_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    # Seconds that it is expected to need yet, for whoever wants to know when a turn comes.
    expected = models.FloatField(default=0.0)
    # Of its worker's slots it takes so many.
    slots = models.SmallIntegerField(default=1, db_default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind", "object_id"],
                condition=Q(state__in=("waiting", "running")),
                name="work_once_at_a_time",
            )
        ]
        indexes = [
            models.Index(
                fields=["queue", "run_at"],
                condition=Q(state="waiting"),
                name="work_waiting",
            ),
            models.Index(
                fields=["lease_until"],
                condition=Q(state="running"),
                name="work_running",
            ),
        ]


class WorkShare(models.Model):
    """What a tenant used of a fair queue. Not a tenant's table: a worker compares all of them."""

    tenant_id = models.UUIDField()
    queue = models.TextField()
    # Seconds over weight, on a scale that all tenants of the queue have in common: whoever joins
    # starts where the others stand, so only differences mean anything.
    served = models.FloatField(default=0.0)
    weight = models.FloatField(default=1.0)
    # Items of the tenant that may run at the same time.
    at_once = models.IntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "queue"], name="work_share_once"),
            models.CheckConstraint(condition=Q(weight__gt=0), name="work_share_weighs"),
        ]
