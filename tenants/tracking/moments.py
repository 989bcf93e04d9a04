"""When an act happened, by the clock of whoever receives it.

Segment's rule: the client's clock may be wrong, but both of its times are from that clock, so the
moment is receivedAt - (sentAt - originalTimestamp).
"""

from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime


class Unreadable(ValueError):
    """A time that is given and is none."""


def moment_of(text: Any) -> datetime | None:
    """A time of ISO 8601, in UTC where it names no zone; None where there is none. Unreadable."""
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise Unreadable
    try:
        moment = _parsed(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable from error


def _parsed(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        moment = parse_datetime(text)  # it also takes a month of one digit
        if moment is None:
            raise
        return moment


def happened_at(told: datetime | None, sent: datetime | None, received: datetime) -> datetime:
    """The moment of an act that its client `told`; without one it happens now. Unreadable when it
    would lie outside what can be kept.
    """
    if told is None:
        return received
    try:
        moment = received - (sent - told) if sent else told
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except OverflowError as error:
        raise Unreadable from error
