"""Times of the API say which moment they mean."""

from datetime import UTC, datetime

import pytest
from rest_framework.serializers import ValidationError

from tenants.access.errors import _first_fault
from tenants.access.fields import ZonedDateTimeField


@pytest.mark.parametrize(
    "text", ["2026-11-16T09:30:00Z", "2026-11-16T10:30:00+01:00", "2026-11-16T01:30:00-0800"]
)
def test_a_time_with_a_zone_is_read_as_utc(text):
    assert ZonedDateTimeField().run_validation(text) == datetime(2026, 11, 16, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text, says",
    [
        ("2026-11-16T09:30:00", "no zone"),
        ("2026-11-16", "no zone"),
        ("2026-02-30T09:30:00Z", "Not a time"),
        ("yesterday", "Not a time"),
        (17, "Not a time"),
        ("0001-01-01T00:00:00+14:00", "Not a time"),
        ("9999-12-31T23:59:59-14:00", "Not a time"),
    ],
)
def test_a_time_that_leaves_the_moment_open_is_refused(text, says):
    with pytest.raises(ValidationError, match=says):
        ZonedDateTimeField().run_validation(text)


def test_the_first_fault_is_named_by_its_path():
    assert _first_fault({"a": ["no"]}) == ("a", "no")
    assert _first_fault({"a": {"b": ["no"]}}) == ("a.b", "no")
    assert _first_fault({"a": [{}, {"b": ["no"]}]}) == ("a.1.b", "no")
    assert _first_fault({"non_field_errors": ["no"]}) == (None, "no")
