"""The registry of audit events: one line says what it is about and which details it may hold.

Details are codes, counts, hashes and references; `record()` refuses a key that is not listed,
so that a personal value cannot slip in. To add an event: one line here, one `record()` call.
"""

from dataclasses import dataclass
from enum import Enum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class EventKind:
    """What one action means: the object it is about, its sentence, its allowed details."""

    action: str
    object: str
    says: str | Promise
    details: tuple[str, ...] = ()


class AuditEvent(Enum):
    """Every action that leaves an entry."""

    TENANT_CREATED = EventKind("tenant.created", "tenant", _("Tenant created"), ("demo",))
    TENANT_UPDATED = EventKind(
        "tenant.updated", "tenant", _("Tenant's facts changed"), ("changed",)
    )
    TENANT_LIMITS_SET = EventKind(
        "tenant.limits_set", "tenant", _("Tenant's limits set"), ("plan", "granted")
    )
    TENANT_SUSPENDED = EventKind("tenant.suspended", "tenant", _("Tenant suspended"), ("reason",))
    TENANT_RESUMED = EventKind("tenant.resumed", "tenant", _("Tenant resumed"))
    TENANT_CLOSING = EventKind(
        "tenant.closing", "tenant", _("Tenant is to be closed"), ("closes_at",)
    )
    TENANT_KEPT = EventKind("tenant.kept", "tenant", _("Closing taken back"))
    TENANT_FINISHED = EventKind("tenant.finished", "tenant", _("Tenant's time over"))
    EXPORT_REQUESTED = EventKind("export.requested", "export", _("Export asked for"))
    EXPORT_MADE = EventKind(
        "export.made", "export", _("Export made"), ("bytes", "sha256", "files", "code")
    )
    EXPORT_DOWNLOADED = EventKind("export.downloaded", "export", _("Export downloaded"))
    EXPORT_DESTROYED = EventKind("export.destroyed", "export", _("Export deleted after its time"))
    EVIDENCE_REQUESTED = EventKind(
        "evidence.requested", "evidence", _("Auditor's export asked for"), ("kind", "filters")
    )
    EVIDENCE_MADE = EventKind(
        "evidence.made",
        "evidence",
        _("Auditor's export made"),
        ("kind", "bytes", "sha256", "files", "lines", "manifest_sha256", "code"),
    )
    EVIDENCE_DOWNLOADED = EventKind(
        "evidence.downloaded", "evidence", _("Auditor's export downloaded"), ("kind",)
    )
    EVIDENCE_DESTROYED = EventKind(
        "evidence.destroyed", "evidence", _("Auditor's export deleted after its time")
    )
    REQUEST_OPENED = EventKind(
        "request.opened",
        "rights request",
        _("Rights request taken in"),
        ("kind", "law", "due_on", "received_at", "purposes"),
    )
    REQUEST_ACKNOWLEDGED = EventKind(
        "request.acknowledged", "rights request", _("Receipt of a rights request confirmed")
    )
    REQUEST_VERIFIED = EventKind(
        "request.verified",
        "rights request",
        _("Identity of a requester verified"),
        ("evidence", "sha256"),
    )
    REQUEST_EXTENDED = EventKind(
        "request.extended", "rights request", _("Rights request extended"), ("due_on",)
    )
    REQUEST_REFUSED = EventKind(
        "request.refused", "rights request", _("Rights request refused"), ("kind",)
    )
    REQUEST_DONE = EventKind(
        "request.done", "rights request", _("Rights request carried out"), ("kind",)
    )
    REQUEST_OVERDUE = EventKind(
        "request.overdue", "rights request", _("Rights request overdue"), ("kind", "due_on")
    )
    REQUESTS_FORGOTTEN = EventKind(
        "request.forgotten", "tenant", _("Old rights requests deleted after their time"), ("count",)
    )
    SUBJECT_EXPORT_REQUESTED = EventKind(
        "subject_export.requested", "subject export", _("Export of a person's data asked for")
    )
    SUBJECT_EXPORT_MADE = EventKind(
        "subject_export.made",
        "subject export",
        _("Export of a person's data made"),
        ("bytes", "sha256", "files", "code"),
    )
    SUBJECT_EXPORT_DOWNLOADED = EventKind(
        "subject_export.downloaded", "subject export", _("Export of a person's data downloaded")
    )
    SUBJECT_EXPORT_DESTROYED = EventKind(
        "subject_export.destroyed", "subject export", _("Export of a person's data destroyed")
    )
    SUBJECT_CORRECTED = EventKind(
        "subject.corrected",
        "correction",
        _("A person's data corrected"),
        ("kind", "columns", "frozen"),
    )
    PROFILE_REMOVED = EventKind(
        "profile.removed", "profile removal", _("Taken out of a person's profile"), ("of",)
    )
    PROFILE_RETURNED = EventKind(
        "profile.returned", "profile removal", _("Put back into a person's profile"), ("of",)
    )
    TEST_MODE_OPENED = EventKind("tenant.test_opened", "tenant", _("Test mode opened"))
    MEMBER_INVITED = EventKind("member.invited", "invitation", _("Member invited"), ("role",))
    INVITATION_WITHDRAWN = EventKind(
        "invitation.withdrawn", "invitation", _("Invitation withdrawn"), ("role",)
    )
    MEMBER_ADDED = EventKind("member.added", "member", _("Member added"), ("role", "invitation"))
    MEMBER_ROLE_CHANGED = EventKind(
        "member.role_changed", "member", _("Role changed"), ("from", "to")
    )
    MEMBER_REMOVED = EventKind("member.removed", "member", _("Member removed"), ("role",))
    SIGNED_IN = EventKind("member.signed_in", "member", _("Member signed in"))
    SIGN_IN_REFUSED = EventKind("member.sign_in_refused", "member", _("Sign-in refused"))
    ACCESS_DENIED = EventKind(
        "access.denied", "route", _("Access denied"), ("right", "method", "times")
    )
    KEY_CREATED = EventKind(
        "key.created", "key", _("API key created"), ("redacted", "scopes", "kind")
    )
    KEY_ROTATED = EventKind(
        "key.rotated",
        "key",
        _("API key replaced"),
        ("redacted", "replaced_by", "overlap_seconds"),
    )
    KEY_REVOKED = EventKind("key.revoked", "key", _("API key revoked"), ("redacted",))
    NOTICE_ARCHIVED = EventKind(
        "notice.archived",
        "notice",
        _("Privacy notice archived"),
        ("sha256", "language", "version", "purposes"),
    )
    USES_SET = EventKind(
        "consent.uses_set", "use table", _("Purposes of the uses changed"), ("uses",)
    )
    SIGNALS_SET = EventKind(
        "consent.signals_set", "signal table", _("Reading of foreign signals changed"), ("rows",)
    )
    CONSENTS_SUSPENDED = EventKind(
        "consent.suspended",
        "notice",
        _("Consents suspended by a changed notice"),
        ("subjects",),
    )
    CONSENT_RECORDED = EventKind(
        "consent.recorded",
        "consent record",
        _("Consent recorded"),
        ("event", "state", "method"),
    )
    FLAG_SET = EventKind(
        "consent.flag_set",
        "consent flag",
        _("Use of a person's data stopped"),
        ("kind", "purposes"),
    )
    FLAG_LIFTED = EventKind(
        "consent.flag_lifted", "consent flag", _("Use of a person's data allowed again"), ("kind",)
    )
    CONSENTS_UPLOADED = EventKind(
        "consent.uploaded", "upload", _("Consent records stored"), ("counts", "roots")
    )
    UPLOAD_ACCEPTED = EventKind(
        "upload.accepted", "upload", _("Upload accepted"), ("kind", "bytes", "sha256", "source")
    )
    UPLOAD_BEGUN = EventKind("upload.begun", "upload", _("Upload begun"), ("kind", "bytes"))
    UPLOAD_ARRIVED = EventKind("upload.arrived", "upload", _("Upload arrived"), ("bytes", "sha256"))
    UPLOAD_GIVEN_UP = EventKind(
        "upload.given_up", "upload", _("Upload given up before it was complete"), ("kind", "bytes")
    )
    UPLOAD_CHECKED = EventKind(
        "upload.checked", "upload", _("Upload checked without storing it"), ("kind",)
    )
    UPLOAD_MAPPED = EventKind(
        "upload.mapped", "upload", _("Said how an upload is read"), ("kind", "fields")
    )
    UPLOAD_FINISHED = EventKind(
        "upload.finished", "upload", _("Upload processed"), ("kind", "counts")
    )
    REJECTED_ROWS_FETCHED = EventKind(
        "upload.rejected_fetched", "upload", _("Rejected rows of an upload fetched"), ("counts",)
    )
    UPLOAD_FAILED = EventKind("upload.failed", "upload", _("Upload failed"), ("kind", "code"))
    ITEMS_STORED = EventKind("items.stored", "items", _("Items made or replaced"), ("counts",))
    ITEM_CHANGED = EventKind("item.changed", "item", _("Item changed"), ("changed",))
    ITEM_REMOVED = EventKind("item.removed", "item", _("Item removed"))
    EVENT_TYPE_SET = EventKind(
        "event_type.set",
        "event type",
        _("Event type changed or added"),
        ("type", "weight", "trade", "aliases"),
    )
    ROWS_QUARANTINED = EventKind(
        "quarantine.held", "upload", _("Rows held back without consent"), ("counts",)
    )
    ROWS_RELEASED = EventKind(
        "quarantine.released", "subject", _("Held rows released by consent"), ("count",)
    )
    ROWS_EXPIRED = EventKind(
        "quarantine.expired",
        "tenant",
        _("Held rows deleted after their time"),
        ("count",),
    )
    SUBJECT_VIEWED = EventKind(
        "subject.viewed", "subject", _("A person's history was looked at"), ("page",)
    )
    ERASURE_BEGUN = EventKind(
        "erasure.begun", "erasure", _("A person was erased"), ("held", "keys")
    )
    ERASURE_SWEPT = EventKind(
        "erasure.swept",
        "erasure",
        _("Files and caches of an erased person destroyed"),
        ("left", "models_due"),
    )
    ERASURE_RESCANNED = EventKind(
        "erasure.rescanned",
        "erasure",
        _("Looked for an erased person again after a day"),
        ("found", "left"),
    )
    ERASURE_FINISHED = EventKind("erasure.finished", "erasure", _("Erasure finished"))
    SNAPSHOT_FROZEN = EventKind(
        "snapshot.frozen",
        "snapshot",
        _("Training data frozen"),
        ("sha256", "events", "subjects", "excluded", "purpose"),
    )
    JOB_CREATED = EventKind("job.created", "job", _("Fine-tuning job created"), ("base_model",))
    JOB_ASKED = EventKind(
        "job.asked", "job", _("Job cancelled, paused or resumed"), ("asked", "state")
    )
    JOB_FINISHED = EventKind(
        "job.finished",
        "job",
        _("Fine-tuning job finished"),
        ("state", "code", "attempts"),
    )
    VERSION_EVALUATED = EventKind(
        "version.evaluated",
        "version",
        _("Model version evaluated"),
        ("manifest_sha256", "serves", "ndcg10", "gates"),
    )
    SNAPSHOT_TAINTED = EventKind(
        "snapshot.tainted", "snapshot", _("Somebody in the training data has gone"), ("cause",)
    )
    VERSION_TAINTED = EventKind(
        "version.tainted",
        "version",
        _("Model version is to be replaced"),
        ("cause", "due_at", "stops"),
    )
    VERSION_DESTROYED = EventKind(
        "version.destroyed",
        "version",
        _("Weights of a model version destroyed"),
        ("cause", "state"),
    )
    STANDING_APPROVAL_SET = EventKind(
        "approval.standing_set",
        "tenant",
        _("Standing approval changed"),
        ("enabled", "reason"),
    )
    RETRAINING_RULE_SET = EventKind(
        "retraining.rule_set",
        "tenant",
        _("Rule of automatic training changed"),
        ("every_days", "new_share", "unknown_share", "replace_days"),
    )
    GROUPS_DECLARED = EventKind(
        "groups.declared",
        "tenant",
        _("Groups for the check of fairness declared"),
        ("subjects", "items"),
    )
    VERSION_APPROVED = EventKind(
        "version.approved",
        "version",
        _("Model version approved"),
        ("standing", "reason", "unproved"),
    )
    OVERRIDE_REQUESTED = EventKind(
        "version.override_requested",
        "version",
        _("Approval asked for in spite of a failed check"),
        ("failed", "reason"),
    )
    OVERRIDE_CONFIRMED = EventKind(
        "version.override_confirmed",
        "version",
        _("Approved by two people in spite of a failed check"),
        ("failed", "reason", "asked_by"),
    )
    VERSION_PUBLISHED = EventKind(
        "version.published", "version", _("Model version published"), ("replaces",)
    )
    VERSION_ROLLED_BACK = EventKind(
        "version.rolled_back",
        "version",
        _("Rolled back to a model version"),
        ("replaces",),
    )
    DECISIONS_SEALED = EventKind(
        "decisions.sealed", "seal", _("Records sealed"), ("root", "count", "stream")
    )
    KEYS_ROTATED = EventKind(
        "keys.rotated",
        "tenant",
        _("People re-keyed under a new master key"),
        ("key_version", "subjects"),
    )
    RETENTION_CHOSEN = EventKind(
        "retention.chosen", "tenant", _("Time that data are kept changed"), ("days",)
    )
    RETENTION_ENFORCED = EventKind(
        "retention.enforced", "tenant", _("Data deleted after their time"), ("counts",)
    )
    STATEMENTS_CHANGED = EventKind(
        "statements.changed", "tenant", _("Statements for packs changed"), ("names",)
    )
    LOG_PRUNED = EventKind(
        "log.pruned",
        "checkpoint of the log",
        _("Entries deleted after their time, behind a checkpoint"),
        ("until", "entries", "sealed_rows"),
    )
    CHECKPOINT_PLACE_SET = EventKind(
        "checkpoints.place_set", "tenant", _("Place for copies of checkpoints chosen"), ("place",)
    )
    LOG_VERIFIED = EventKind("log.verified", "tenant", _("Audit log verified"), ("entries", "ok"))


BY_ACTION = {event.value.action: event.value for event in AuditEvent}
