"""Notices, consent records (append-only) and the state that the fold derives from them."""

from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from tenants.audit.canonical import timestamp
from tenants.ids import public_id, uuid7
from tenants.isolation.models import TenantForeignKey, TenantOwned
from tenants.subjects.models import Subject

RECORD_FORMAT = 1


class Notice(TenantOwned):
    """A privacy notice as it was shown: its bytes are kept, its hash is what records name."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    notice_id = models.TextField()
    version = models.TextField()
    language = models.TextField()
    sha256 = models.BinaryField()
    body = models.BinaryField()
    purposes = ArrayField(models.TextField())
    pii_categories = ArrayField(models.TextField(), default=list)
    # True: what a subject did before consenting stays out of reach.
    later_events_only = models.BooleanField(default=False)
    material_change = models.BooleanField(default=False)
    archived_at = models.DateTimeField(auto_now_add=True)
    # From when it replaces earlier versions; None: since it was archived.
    effective_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "notice_id", "version", "language"],
                name="notice_once",
            ),
            models.UniqueConstraint(fields=["tenant_id", "sha256"], name="notice_bytes_once"),
        ]

    @property
    def public_id(self) -> str:
        return public_id("notice", self.id)

    @property
    def begins_at(self) -> datetime:
        """From when it is the notice that is shown."""
        return self.effective_at or self.archived_at

    def changes(self, other: "Notice") -> bool:
        """Whether it takes the place of `other` and says other things: purposes, categories of
        data, or whatever its author calls a material change, such as the method (PIPL 14).
        """
        return (
            self.notice_id == other.notice_id
            and self.version != other.version
            and self.begins_at > other.begins_at
            and (
                self.material_change
                or set(self.purposes) != set(other.purposes)
                or set(self.pii_categories) != set(other.pii_categories)
            )
        )


class ConsentRecord(TenantOwned):
    """One append-only fact about one subject and purpose; the fields of ISO/IEC TS 27560."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    format = models.SmallIntegerField(default=RECORD_FORMAT)
    receipt_id = models.TextField()
    controller_name = models.TextField()
    controller_contact = models.TextField()
    subject = TenantForeignKey(Subject, related_name="consent_records")
    purpose = models.TextField()
    lawful_basis = models.TextField()
    event = models.TextField()
    pii_categories = ArrayField(models.TextField(), default=list)
    sensitive = models.BooleanField(default=False)
    notice = TenantForeignKey(Notice, null=True, related_name="records")
    notice_version = models.TextField(default="")
    notice_sha256 = models.BinaryField(null=True)
    notice_language = models.TextField(default="")
    collection_method = models.TextField()
    ui_variant = models.TextField(default="")
    jurisdiction = models.TextField()
    jurisdiction_derivation = models.TextField()
    event_time = models.DateTimeField()
    received_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    retention_until = models.DateTimeField(null=True)
    age_band = models.TextField(default="")
    guardian_record_id = models.UUIDField(null=True)
    recipients = ArrayField(models.TextField(), default=list)
    storage_country = models.TextField(default="")
    transfer_mechanism = models.TextField(default="")
    evidence = models.JSONField(default=dict)
    withdrawal_method = models.TextField(default="")
    upload_id = models.UUIDField(null=True)
    row_no = models.BigIntegerField(null=True)
    supersedes = models.UUIDField(null=True)
    record_hash = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "receipt_id"], name="consent_receipt_once")
        ]
        indexes = [
            models.Index(
                fields=["tenant_id", "subject", "purpose", "event_time"],
                name="consent_history",
            ),
            models.Index(
                fields=["tenant_id", "guardian_record_id"],
                condition=models.Q(guardian_record_id__isnull=False),
                name="consent_guardians",
            ),
        ]

    @property
    def public_id(self) -> str:
        return public_id("consent record", self.id)

    def content(self) -> dict[str, Any]:
        """What the record hash covers: every field, in plain JSON values."""
        skipped = {"record_hash"}
        return {
            field.attname: _plain(getattr(self, field.attname))
            for field in self._meta.concrete_fields
            if field.attname not in skipped
        }


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if hasattr(value, "tzinfo"):
        return timestamp(value)
    return value if value is None or isinstance(value, bool | int | list | dict) else str(value)


class ConsentFlag(TenantOwned):
    """A restriction or an objection set or lifted, append-only; `purposes` None means every one."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    subject = TenantForeignKey(Subject, related_name="consent_flags")
    kind = models.TextField()
    raised = models.BooleanField()
    purposes = ArrayField(models.TextField(), null=True)
    reason = models.TextField(default="")
    actor_ref = models.TextField()
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "subject"], name="consent_flags_of_subject")]

    @property
    def public_id(self) -> str:
        return public_id("consent flag", self.id)


class UseTable(TenantOwned):
    """One version of the tenant's own table use -> purposes, append-only; the newest counts."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    number = models.IntegerField()
    # {"training": ["model_training", "sensitive"], …}: every use, at least one purpose each.
    uses = models.JSONField()
    policy_version = models.TextField()
    actor_ref = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "number"], name="use_table_once")
        ]

    @property
    def public_id(self) -> str:
        return public_id("use table", self.id)


class SignalTable(TenantOwned):
    """One version of the tenant's table of foreign signals, append-only; the newest counts."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    number = models.IntegerField()
    # [{"kind": "google", "category": "ad_user_data", "purpose": "marketing"}, …]
    rows = models.JSONField(default=list)
    # What people are shown who answer by such a signal; without it a yes counts for nothing.
    notice = TenantForeignKey(Notice, null=True, related_name="signal_tables")
    actor_ref = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "number"], name="signal_table_once")
        ]

    @property
    def public_id(self) -> str:
        return public_id("signal table", self.id)


class ConsentSignal(TenantOwned):
    """A foreign consent signal exactly as it came, append-only; the records say what it meant."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    subject = TenantForeignKey(Subject, related_name="consent_signals")
    kind = models.TextField()
    value = models.TextField()
    event_time = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["tenant_id", "subject"], name="signals_of_subject")]

    @property
    def public_id(self) -> str:
        return public_id("consent signal", self.id)


class CoverageDay(TenantOwned):
    """How far consent reached on a day, in counts of subjects; measured once."""

    day = models.DateField()
    known = models.BigIntegerField()
    recorded = models.BigIntegerField()
    # {"model_training": 812, …}: the purposes of the tenant's table that day.
    usable = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant_id", "day"], name="coverage_day_once")
        ]


class ConsentState(TenantOwned):
    """What the fold says now, kept beside the records so that SQL can ask it. Derived only,
    but for a no that was heard again.
    """

    subject = TenantForeignKey(Subject, related_name="consent_states")
    purpose = models.TextField()
    state = models.TextField()
    code = models.TextField(default="")
    record_id = models.UUIDField(null=True)
    valid_from = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    # When the no that stands was last heard again without a record, and how; see `repeating`.
    repeated_at = models.DateTimeField(null=True)
    repeated_by = models.TextField(default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "subject", "purpose"], name="consent_state_once"
            )
        ]
        indexes = [models.Index(fields=["tenant_id", "purpose", "state"], name="consent_coverage")]
