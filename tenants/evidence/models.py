"""Exports for auditors: what was asked for, and what became of it."""

from django.db import models

from tenants.departure.models import SealedExport
from tenants.ids import public_id


class EvidenceExport(SealedExport):
    """One export of one kind. `done` counts lines; `options` are the filters, as codes and
    references: a person is an integer and a pseudonym.
    """

    kind = models.TextField()
    options = models.JSONField(default=dict)
    manifest_sha256 = models.BinaryField(null=True)

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "-created_at"], name="evidence_latest")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "kind"],
                condition=models.Q(state__in=("waiting", "running")),
                name="one_open_evidence",
            )
        ]

    @property
    def public_id(self) -> str:
        return public_id("evidence", self.id)

    @property
    def file_name(self) -> str:
        """The kind first, so that several lie apart."""
        return f"{self.kind}-{self.public_id}.zip"
