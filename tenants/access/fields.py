"""Serializer fields that every API shares."""

from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


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
