"""What `/v1/uploads` takes and answers, field by field."""

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.behaviour.arriving.accepting import DRY_RUN, NAME_LENGTH
from tenants.behaviour.models import Upload
from tenants.behaviour.wording import refusal_text


class JSONText(serializers.CharField):
    """A form field that holds a JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            value = json.loads(data, parse_constant=_no_number)
        except (TypeError, ValueError, RecursionError):
            value = None
        return checked_object(value)


def checked_object(value: Any) -> dict[str, Any]:
    """The object, if it can be stored: the database takes neither NUL nor half a surrogate pair."""
    try:
        storable = b"\\u0000" not in json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        storable = False
    if not storable or not isinstance(value, dict):
        raise serializers.ValidationError("Not a JSON object.")
    return value


def _no_number(name: str) -> None:
    raise ValueError(name)


class MappingText(JSONText):
    """A form field that holds a JSON object of texts."""

    def to_internal_value(self, data: Any) -> Any:
        return checked_mapping(super().to_internal_value(data))


def checked_mapping(value: dict[str, Any]) -> dict[str, str]:
    """The mapping, if it names a column for each of its fields."""
    if not all(isinstance(column, str) for column in value.values()):
        raise serializers.ValidationError("Name one column of the file for each of ours.")
    return value


@extend_schema_field(OpenApiTypes.OBJECT)
class JSONObject(serializers.Field[Any, Any, Any, Any]):
    """A JSON object in a JSON body."""

    def to_internal_value(self, data: Any) -> Any:
        return checked_object(data)

    def to_representation(self, value: Any) -> Any:
        return value


@extend_schema_field(OpenApiTypes.BINARY)
class SentFile(serializers.FileField):
    """A part of a form that holds a file."""


DRY_RUN_SAYS = (
    "Check the whole file and store nothing: `dry_run` of the upload then says what would become "
    "of every row, and `start_upload` has it stored. After a day without that it is deleted."
)


def asking(attrs: dict[str, Any]) -> dict[str, Any]:
    """The order with what is asked of the file before it is stored."""
    return {**attrs, "ask": DRY_RUN} if attrs.pop("dry_run", False) else attrs


class UploadBody(serializers.Serializer[Any]):
    """A file (CSV, JSON Lines or Parquet, also packed), what it holds, and how to read it."""

    kind = serializers.ChoiceField(Upload.KINDS)
    file = SentFile(allow_empty_file=True)
    mapping = MappingText(
        required=False,
        help_text='{"our_column": "column of the file"}; for events also '
        '{"context.country": "Country"}: keeps a column that tells groups. Further columns of '
        'items become attributes; {"attributes.colour": "Farbe"} renames one, an empty name leaves '
        "one out.",
    )
    options = JSONText(
        required=False,
        help_text='{"default_type": "purchase", …}: how cells are read, any of timezone (IANA), '
        "date_order (day or month, where the year stands last), decimal_mark (. or ,), encoding, "
        "delimiter; for events also default_type, cancellation_prefix, acts_per_minute (0: no "
        "limit), known_items_only, pseudo_items.",
    )
    dry_run = serializers.BooleanField(required=False, help_text=DRY_RUN_SAYS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return asking(attrs)


class UploadOrderBody(serializers.Serializer[Any]):
    """A file that is not here: in parts (`name`, `bytes`), or fetched from a `source`."""

    kind = serializers.ChoiceField(Upload.KINDS)
    name = serializers.CharField(max_length=NAME_LENGTH, required=False)
    bytes = serializers.IntegerField(min_value=1, max_value=2**53, required=False)
    source = serializers.CharField(  # type: ignore[assignment]
        max_length=2_000,
        required=False,
        help_text="Instead of `name` and `bytes`: s3://bucket/key, gs://bucket/key or a public "
        "https:// address, signed where the file is private.",
    )
    credentials = JSONObject(
        required=False,
        help_text="Of an s3:// address: key, secret and, if there is one, token. Sealed, and "
        "forgotten once the file is here.",
    )
    mapping = JSONObject(required=False, help_text="As in a form.")
    options = JSONObject(required=False, help_text="As in a form.")
    dry_run = serializers.BooleanField(required=False, help_text=DRY_RUN_SAYS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        parts, fetched = {"name", "bytes"}, {"source", "credentials"}
        wanted, other = ({"source"}, parts) if "source" in attrs else (parts, fetched)
        for name in sorted(wanted - attrs.keys()):
            raise serializers.ValidationError({name: "This field is required."})
        for name in sorted(other & attrs.keys()):
            raise serializers.ValidationError({name: "Send either a source, or name and bytes."})
        return asking(attrs)

    def validate_credentials(self, value: dict[str, Any]) -> dict[str, str]:
        if not all(isinstance(one, str) and one for one in value.values()):
            raise serializers.ValidationError("Write texts.")
        return value

    def validate_mapping(self, value: dict[str, Any]) -> dict[str, str]:
        return checked_mapping(value)


class UploadAnswer(serializers.Serializer[Any]):
    """An upload and, once it is processed, its report."""

    id = serializers.CharField(source="public_id")
    object = serializers.CharField(read_only=True, default="upload")
    kind = serializers.CharField()
    name = serializers.CharField()
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Where it is fetched from; empty where it was sent."
    )
    bytes = serializers.IntegerField()
    bytes_received = serializers.IntegerField()
    status = serializers.CharField(source="state")
    rows_done = serializers.IntegerField()
    report = serializers.SerializerMethodField()
    dry_run = serializers.SerializerMethodField(
        help_text="What a dry run found: a report, or why the file cannot be read so."
    )
    error = serializers.SerializerMethodField(
        help_text="Why it failed; before that, for what it waits: `waits_for_room` on the disk."
    )
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_report(self, upload: Upload) -> dict[str, Any] | None:
        # Of a file that could not be read to its end: what was stored before.
        told = {Upload.DONE: upload.report, Upload.FAILED: upload.report.get("so_far")}
        return told.get(upload.state)

    def get_dry_run(self, upload: Upload) -> dict[str, Any] | None:
        told = upload.rehearsal.get("error")
        if told:
            return {"error": {**told, "message": refusal_text(**told)}}
        return upload.rehearsal or None

    def get_error(self, upload: Upload) -> dict[str, Any] | None:
        if not upload.error:
            return None
        return {**upload.error, "message": refusal_text(**upload.error)}


class StartBody(serializers.Serializer[Any]):
    """How a waiting file is read; what is not sent stays as it was said before."""

    mapping = JSONObject(required=False, help_text="As in a form.")
    options = JSONObject(required=False, help_text="As in a form.")

    def validate_mapping(self, value: dict[str, Any]) -> dict[str, str]:
        return checked_mapping(value)


class UploadPage(serializers.Serializer[Any]):
    """The latest uploads, newest first."""

    object = serializers.CharField(read_only=True, default="list")
    data = UploadAnswer(many=True)  # type: ignore[assignment]
    has_more = serializers.BooleanField()
