"""What the API of the log takes and answers, with examples."""

from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers

from tenants.access.fields import ZonedDateTimeField
from tenants.audit.checkpoints import line_of
from tenants.audit.models import AuditCheckpoint, AuditEntry
from tenants.evidence.models import EvidenceExport
from tenants.evidence.options import TEXT_LENGTH
from tenants.subjects.directory import ID_LENGTH

PLAIN = r"^[^\x00-\x1f\x7f]+$"


class AuditFilters(serializers.Serializer[Any]):
    """Which entries; what is left out filters nothing."""

    since = ZonedDateTimeField(required=False, help_text="Recorded at or after.")
    until = ZonedDateTimeField(required=False, help_text="Recorded before.")
    action = serializers.RegexField(
        PLAIN, required=False, max_length=TEXT_LENGTH, help_text="Such as key.revoked."
    )
    actor = serializers.RegexField(
        PLAIN, required=False, max_length=TEXT_LENGTH, help_text="A public id: mem_…, key_…"
    )
    outcome = serializers.ChoiceField(
        ["success", "failure", "denied"], required=False, help_text="How it ended."
    )
    user_id = serializers.RegexField(
        PLAIN, required=False, max_length=ID_LENGTH, help_text="Entries about this person."
    )


EVIDENCE_ID = OpenApiParameter(
    "evidence_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The export's id.",
    examples=[OpenApiExample("An export", value="evd_0353F0mAHdwSgGNeXHLs2l")],
)


def filters_of(given: dict[str, Any]) -> dict[str, Any]:
    """The words of the API as those of `options.FILTERS`."""
    return {"subject" if name == "user_id" else name: value for name, value in given.items()}


class AuditExportBody(AuditFilters):
    """An export to be made."""

    kind = serializers.ChoiceField(sorted(settings.EVIDENCE_KINDS), default="audit")


class AuditEntryAnswer(serializers.Serializer[Any]):
    """One entry; `content` is what its hash covers. `details` is null once they were deleted."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="audit_entry")
    seq = serializers.IntegerField()
    recorded_at = serializers.DateTimeField()
    action = serializers.CharField()
    outcome = serializers.CharField()
    content = serializers.DictField()
    details = serializers.SerializerMethodField()
    entry_hash = serializers.SerializerMethodField()

    def get_details(self, entry: AuditEntry) -> dict[str, Any] | None:
        found = list(entry.detail.all())
        return dict(found[0].details) if found else None

    def get_entry_hash(self, entry: AuditEntry) -> str:
        return bytes(entry.entry_hash).hex()


class AuditCheckpointAnswer(serializers.Serializer[Any]):
    """One signed checkpoint; keep it outside. `checkpoint`, `key_id` and `signature` together are
    the file that `verify.py --checkpoint` reads."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="audit_checkpoint")
    checkpoint = serializers.DictField(source="content")
    key_id = serializers.CharField()
    signature = serializers.SerializerMethodField()

    def get_signature(self, checkpoint: AuditCheckpoint) -> str:
        return str(line_of(checkpoint)["signature"])


class AuditExportAnswer(serializers.Serializer[Any]):
    """An export for auditors. `state`: waiting, running, done, failed, expired."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="audit_export")
    kind = serializers.CharField()
    state = serializers.CharField()
    filters = serializers.DictField(source="options")
    lines = serializers.IntegerField(source="done")
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.SerializerMethodField()
    error = serializers.CharField(help_text="Why it failed, as a code.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)

    def get_sha256(self, export: EvidenceExport) -> str | None:
        return bytes(export.sha256).hex() if export.sha256 else None


def page_of(one: type[serializers.Serializer[Any]]) -> type[serializers.Serializer[Any]]:
    """The form of a list of `one`."""
    fields = {
        "object": serializers.CharField(),
        "data": one(many=True),
        "has_more": serializers.BooleanField(),
        "__doc__": "Some of them, the newest first, and whether older ones follow.",
    }
    return type(f"{one.__name__.removesuffix('Answer')}Page", (serializers.Serializer,), fields)


_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_MOMENT = "2026-11-16T09:30:01.402113Z"
ENTRY = {
    "id": "aud_0353F0mAHdwSgGNeXHLs2l",
    "object": "audit_entry",
    "seq": 17,
    "recorded_at": _MOMENT,
    "action": "key.revoked",
    "outcome": "success",
    "content": {"v": 2, "seq": 17, "action": "key.revoked", "prev_hash": _HASH},
    "details": {"redacted": "ak_secret_live_…"},
    "entry_hash": _HASH,
}
CHECKPOINT = {
    "id": "chk_0353F0mAHdwSgGNeXHLs2l",
    "object": "audit_checkpoint",
    "checkpoint": {"v": 1, "size": 4000, "root": _HASH, "head": _HASH, "made_at": _MOMENT},
    "key_id": "a1b2c3d4e5f60718",
    "signature": "00" * 64,
}
EXPORT = {
    "id": "evd_0353F0mAHdwSgGNeXHLs2l",
    "object": "audit_export",
    "kind": "audit",
    "state": "done",
    "filters": {"action": "key.revoked"},
    "lines": 8211,
    "bytes": 1048576,
    "sha256": _HASH,
    "error": "",
    "created_at": _MOMENT,
    "expires_at": "2026-11-23T09:30:04.000000Z",
}


def shown(value: dict[str, Any], status: str = "200") -> OpenApiExample:
    return OpenApiExample("One", value=value, response_only=True, status_codes=[status])


def listed(value: dict[str, Any]) -> OpenApiExample:
    page = {"object": "list", "data": [value], "has_more": False}
    return OpenApiExample("Some", value=page, response_only=True, status_codes=["200"])
