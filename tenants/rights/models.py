"""Requests of persons about their own data, and what happened to each."""

from datetime import date, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.behaviour.models import Item
from tenants.departure.models import SealedExport
from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.rights import kinds
from tenants.subjects.models import Subject

# How long an ended request stays as proof (11 CCR 7101(a): 24 months), in days.
KEPT_FOR = timedelta(days=731)


class RightsRequest(TenantOwned):
    """One request. Days are those of the tenant's own calendar; what they follow from stands in
    `laws`. Of the evidence there is a kind, a hash and the tenant's own reference, no document.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    kind = models.TextField()
    state = models.TextField(default=kinds.RECEIVED)
    subject = TenantForeignKey(Subject, related_name="rights_requests")
    # Which purposes it is about; empty: all of them.
    purposes = ArrayField(models.TextField(), default=list)
    law = models.TextField()
    jurisdiction = models.TextField()
    jurisdiction_derivation = models.TextField()
    received_at = models.DateTimeField()
    due_on = models.DateField()
    acknowledge_by = models.DateField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    extended_at = models.DateTimeField(null=True)
    extension_code = models.TextField(default="")
    evidence_kind = models.TextField(default="")
    evidence_sha256 = models.BinaryField(null=True)
    evidence_reference = models.TextField(default="")
    verified_by = models.TextField(default="")
    verified_at = models.DateTimeField(null=True)
    refusal_code = models.TextField(default="")
    # What the person was told: why it was refused or takes longer, or what was done.
    answer = models.TextField(default="")
    erasure_id = models.UUIDField(null=True)
    opened_by = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    overdue_noted_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["tenant_id", "state", "due_on"], name="rights_due"),
            models.Index(fields=["tenant_id", "subject"], name="rights_of_subject"),
        ]

    @property
    def public_id(self) -> str:
        return public_id("rights request", self.id)

    @property
    def is_open(self) -> bool:
        return self.state in kinds.OPEN

    def days_left(self, today: date) -> int | None:
        """Days until it is due, below zero when that is over; None once it has ended."""
        return (self.due_on - today).days if self.is_open else None


class RequestStep(TenantOwned):
    """One thing that happened to a request, append-only: a code, and who did it."""

    id = models.BigAutoField(primary_key=True)
    request = TenantForeignKey(RightsRequest, related_name="steps")
    at = models.DateTimeField()
    code = models.TextField()
    params = models.JSONField(default=dict)
    actor_ref = models.TextField()


class SubjectExport(SealedExport):
    """The answer to one access or portability request. `done` counts the files of the zip."""

    request = TenantForeignKey(RightsRequest, related_name="exports")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "request"],
                condition=models.Q(state__in=("waiting", "running")),
                name="one_open_subject_export",
            )
        ]

    @property
    def public_id(self) -> str:
        return public_id("subject export", self.id)


class ProfileRemoval(TenantOwned):
    """That an item or a category was taken out of a person's profile: their events on it are used
    for no answer to them and for no training, for as long as this row is here.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    subject = TenantForeignKey(Subject, related_name="profile_removals")
    # Exactly one of the two; the other is None, or "".
    item = TenantForeignKey(Item, null=True, related_name="profile_removals")
    category = models.TextField()
    actor_ref = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "subject", "item", "category"],
                name="removed_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(item=None) ^ models.Q(category=""), name="item_or_category"
            ),
        ]

    @property
    def public_id(self) -> str:
        return public_id("profile removal", self.id)


class Correction(TenantOwned):
    """One new version of a person's data, append-only: what was corrected, by names and keyed
    hashes of the values before and after, and how many frozen data sets hold the old one.
    """

    CHANGED, DELETED, RENAMED = "event_changed", "event_deleted", "id_changed"

    id = models.UUIDField(primary_key=True, default=uuid7)
    request = TenantForeignKey(RightsRequest, related_name="corrections")
    subject = TenantForeignKey(Subject, related_name="corrections")
    kind = models.TextField()
    # 1 for the person's first correction, then 2, …
    version = models.IntegerField()
    columns = ArrayField(models.TextField())
    before_hash = models.BinaryField(null=True)
    after_hash = models.BinaryField(null=True)
    frozen = models.IntegerField()
    actor_ref = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    @property
    def public_id(self) -> str:
        return public_id("correction", self.id)
