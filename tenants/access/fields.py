"""Serializer fields that every API shares, and a body that refuses what it does not know."""

import re
from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

# A name that may be repeated to its sender; any other could be somebody's data, or no text at all.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}", re.ASCII)


@extend_schema_field({"type": "string", "format": "date-time"})
class ZonedDateTimeField(serializers.DateTimeField):
    """RFC 3339 with a zone; without one nobody knows which moment is meant, so it is refused.

    Left out, it is the moment of the request when the field is not required to be sent.
    """

    def to_internal_value(self, value: Any) -> datetime:
        try:
            moment = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None:
            raise serializers.ValidationError("Not a time. Write 2026-11-16T09:30:00Z.")
        if moment.tzinfo is None:
            raise serializers.ValidationError("The time has no zone. Add Z or an offset.")
        try:
            return moment.astimezone(UTC)
        except OverflowError:
            raise serializers.ValidationError("Not a time that can be kept.") from None


class Text(serializers.CharField):
    """A text and nothing else: an id that came as a number may have lost digits on its way."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Not a text. Put it in quotation marks.")
        return super().to_internal_value(data)


class Strict(serializers.Serializer[Any]):
    """Refuses a field that it does not know: what would be dropped in silence is told instead."""

    def to_internal_value(self, data: Any) -> Any:
        for name in data if isinstance(data, dict) else ():
            if name not in self.fields:
                field = name if NAME.fullmatch(name) else "non_field_errors"
                known = ", ".join(self.fields)
                raise serializers.ValidationError(
                    {field: [f"There is no such field. The fields are: {known}."]}
                )
        return super().to_internal_value(data)
