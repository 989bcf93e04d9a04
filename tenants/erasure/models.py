"""Erasures: one row per person who was erased, and what became of everything that held them."""

from django.db import models

from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.subjects.models import Subject


class Erasure(TenantOwned):
    """One person's erasure. By now the integer `subject` leads to nobody; lineage goes by it."""

    # Rows are gone, files and caches are not yet; all of that is gone; versions wait to be
    # replaced; the second look a day later found nothing and nothing waits any more.
    SWEEPING, SWEPT, MODELS_DUE, FINISHED = "sweeping", "swept", "models_due", "finished"
    STATES = (SWEEPING, SWEPT, MODELS_DUE, FINISHED)

    kept_back = {"digest": "secret", "reference": "secret"}

    id = models.UUIDField(primary_key=True, default=uuid7)
    subject = TenantForeignKey(Subject, related_name="erasures")
    state = models.TextField(default=SWEEPING)
    # How the request is called by whoever keeps requests, "" for none.
    request_ref = models.TextField(default="")
    actor_ref = models.TextField()
    # What every store and everything beyond rows held, by name: before, and when it was swept.
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    # Names of the destroyed keys: hashes of how they lay here, wrapped.
    keys = models.JSONField(default=list)
    # Under what the person is suppressed, see `tenants.subjects.suppression`.
    digest = models.BinaryField(default=b"")
    # By what an older backup finds the person again after another id: see `tenants.subjects.keys`.
    reference = models.BinaryField(default=b"")
    # The entry of the audit log that says it began.
    audit_seq = models.BigIntegerField(null=True)
    begun_at = models.DateTimeField()
    swept_at = models.DateTimeField(null=True)
    rescanned_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant_id", "subject"], name="erased_once")]
        indexes = [models.Index(fields=["tenant_id", "-begun_at"], name="erasure_latest")]

    @property
    def public_id(self) -> str:
        return public_id("erasure", self.id)


class ErasureStatement(TenantOwned):
    """What the house says of an erasure, signed: the certificate, and what is added to it later.

    `text` is canonical JSON (RFC 8785), kept as it was signed. Append-only.
    """

    CERTIFICATE, RESCAN, MODELS = "certificate", "rescan", "models"

    id = models.BigAutoField(primary_key=True)
    erasure = TenantForeignKey(Erasure, related_name="statements")
    kind = models.TextField()
    text = models.TextField()
    key_id = models.TextField()
    signature = models.BinaryField()
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "erasure", "kind"], name="stated_once")
        ]
