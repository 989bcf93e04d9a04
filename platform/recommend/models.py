"""The decision log: what was answered to whom, by which version. Sealed in batches."""

from typing import Any

from django.db import models

from tenants.audit.canonical import timestamp
from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantOwned


class Decision(TenantOwned):
    """One answer. Inserted unchained; `tenants/audit/sealing.py` seals it within a minute."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    occurred_at = models.DateTimeField()
    subject_id = models.BigIntegerField(null=True)
    personalised = models.BooleanField()
    # Why it was not personalised, "" when it was.
    code = models.TextField(default="")
    purpose = models.TextField()
    version_id = models.UUIDField(null=True)
    key_ref = models.TextField()
    # [{"item": 17, "score": 0.93, "reason": {"code": …, "params": …}}, …] in order.
    items = models.JSONField()
    # A subject's pseudonym in the log, unlinkable once their key is destroyed.
    subject_ref = models.TextField(default="")

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "subject_id"], name="decisions_of_subject")]

    @property
    def public_id(self) -> str:
        return public_id("recommendation", self.id)

    def content(self) -> dict[str, Any]:
        """What its leaf in the seal covers."""
        return {
            "v": 1,
            "tenant": str(self.tenant_id),
            "id": str(self.id),
            "occurred_at": timestamp(self.occurred_at),
            "subject_ref": self.subject_ref,
            "personalised": self.personalised,
            "code": self.code,
            "purpose": self.purpose,
            "version": str(self.version_id) if self.version_id else "",
            "key": self.key_ref,
            "items": self.items,
        }
