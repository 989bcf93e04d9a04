"""What the API of rights requests takes and tells."""

from datetime import date
from typing import Any

from rest_framework import serializers

from tenants.access.fields import Strict, Text, ZonedDateTimeField
from tenants.consent.store import recipients
from tenants.consent.vocabulary import PURPOSES, Purpose
from tenants.ids import public_id
from tenants.rights import kinds
from tenants.rights.models import Correction, RightsRequest, SubjectExport
from tenants.rights.opening import Evidence
from tenants.subjects.directory import ID_LENGTH

ANSWER_LENGTH = 4_000


class EvidenceBody(Strict):
    """How the person showed who they are. Keep the document yourself; its hash and your reference
    are enough."""

    kind = serializers.ChoiceField(kinds.EVIDENCE)
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$", required=False)
    reference = Text(required=False, max_length=200)


def evidence_of(told: dict[str, Any] | None) -> Evidence | None:
    """What a checked body says of the evidence; None when it says nothing."""
    if not told:
        return None
    sha256 = told.get("sha256")
    return Evidence(
        told["kind"], bytes.fromhex(sha256) if sha256 else None, told.get("reference", "")
    )


class RequestBody(Strict):
    """One request of a person."""

    user_id = serializers.RegexField(r"^[^\x00-\x1f\x7f]+$", max_length=ID_LENGTH)
    kind = serializers.ChoiceField(list(kinds.KINDS))
    jurisdiction = serializers.RegexField(
        r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
        required=False,
        help_text="Whose law counts, as ISO 3166-1 or -2; your own, when left out.",
    )
    received_at = ZonedDateTimeField(
        required=False, help_text="When it reached you; now, when left out."
    )
    purposes = serializers.ListField(
        child=serializers.ChoiceField(PURPOSES),
        required=False,
        max_length=len(Purpose),
        help_text="For restriction, objection and opt_out; every purpose, when left out.",
    )
    evidence = EvidenceBody(required=False)


class VerifyBody(Strict):
    """How the person showed who they are, where the request did not say it."""

    evidence = EvidenceBody(required=False)


class ExtendBody(Strict):
    """Why more time is needed."""

    reason = serializers.ChoiceField(kinds.EXTENSIONS)
    answer = Text(max_length=ANSWER_LENGTH, help_text="What you tell the person.")


class RefuseBody(Strict):
    """Why nothing is done."""

    reason = serializers.ChoiceField(kinds.REFUSALS)
    answer = Text(max_length=ANSWER_LENGTH, help_text="What you tell the person.")


class CompleteBody(Strict):
    """What the person is told; needed for a rectification."""

    answer = Text(required=False, max_length=ANSWER_LENGTH)


class ListQuery(serializers.Serializer[Any]):
    """Which requests are listed."""

    state = serializers.ChoiceField(["open", *kinds.STATES], required=False)
    kind = serializers.ChoiceField(list(kinds.KINDS), required=False)
    overdue = serializers.BooleanField(required=False, default=False)


class ExportAnswer(serializers.Serializer[Any]):
    """The newest export that answers the request."""

    id = serializers.CharField(source="public_id")
    status = serializers.CharField(source="state")
    bytes = serializers.IntegerField(allow_null=True)
    sha256 = serializers.SerializerMethodField()
    expires_at = serializers.DateTimeField(allow_null=True)

    def get_sha256(self, export: SubjectExport) -> str | None:
        return bytes(export.sha256).hex() if export.sha256 else None


class RequestAnswer(serializers.Serializer[Any]):
    """A request as it stands. It does not repeat who made it: you know the id by which you sent it.

    Needs `today` in the context.
    """

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="rights_request")
    kind = serializers.CharField()
    status = serializers.CharField(source="state")
    law = serializers.CharField()
    jurisdiction = serializers.CharField()
    purposes: Any = serializers.ListField(child=serializers.CharField())
    received_at = serializers.DateTimeField()
    due_on = serializers.DateField()
    days_left = serializers.SerializerMethodField()
    overdue = serializers.SerializerMethodField()
    acknowledge_by = serializers.DateField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    extended_at = serializers.DateTimeField(allow_null=True)
    verified_at = serializers.DateTimeField(allow_null=True)
    refusal = serializers.SerializerMethodField()
    answer = serializers.CharField()
    export = serializers.SerializerMethodField()
    erasure = serializers.SerializerMethodField()
    closed_at = serializers.DateTimeField(allow_null=True)

    def get_days_left(self, request: RightsRequest) -> int | None:
        return request.days_left(self._today())

    def get_overdue(self, request: RightsRequest) -> bool:
        left = request.days_left(self._today())
        return left is not None and left < 0

    def get_refusal(self, request: RightsRequest) -> str | None:
        return request.refusal_code or None

    def get_export(self, request: RightsRequest) -> dict[str, Any] | None:
        export = request.exports.order_by("-id").first()
        return dict(ExportAnswer(export).data) if export else None

    def get_erasure(self, request: RightsRequest) -> str | None:
        return public_id("erasure", request.erasure_id) if request.erasure_id else None

    def _today(self) -> date:
        return self.context["today"]  # type: ignore[no-any-return]


class RequestPage(serializers.Serializer[Any]):
    """Requests, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = RequestAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()


class ChangeBody(Strict):
    """What is right, of one event."""

    type = Text(required=False)
    value = serializers.FloatField(required=False, allow_null=True)
    quantity = serializers.FloatField(required=False, allow_null=True)
    occurred_at = ZonedDateTimeField(required=False)


class CorrectionBody(Strict):
    """One correction: other values of an event, its deletion, or another id of the person."""

    event_id = Text(required=False, max_length=ID_LENGTH, help_text="Your id of the act.")
    change = ChangeBody(required=False)
    delete = serializers.BooleanField(required=False, help_text="Delete the event for good.")
    user_id = serializers.RegexField(
        r"^[^\x00-\x1f\x7f]+$", required=False, max_length=ID_LENGTH, help_text="The right id."
    )

    def validate(self, told: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of the three."""
        asked = [bool(told.get(name)) for name in ("change", "delete", "user_id")]
        if sum(asked) != 1 or bool(told.get("event_id")) == bool(told.get("user_id")):
            raise serializers.ValidationError(
                "Send event_id with change, event_id with delete, or user_id alone."
            )
        return told


class CorrectionAnswer(serializers.Serializer[Any]):
    """A new version of the person's data. Tell `recipients`, who had the old one (GDPR 19)."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="correction")
    kind = serializers.CharField()
    version = serializers.IntegerField()
    columns: Any = serializers.ListField(child=serializers.CharField())
    frozen = serializers.IntegerField(
        help_text="How many frozen data sets hold what was there before; the next one does not."
    )
    recipients = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_recipients(self, correction: Correction) -> list[str]:
        told = recipients(correction.subject_id)
        return sorted({name for row in told for name in row["recipients"]})
