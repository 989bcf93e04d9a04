"""Bodies of `/v1/events` that need no second look: read as the serializers read them, at a fraction
of the cost. Whatever is not surely in order is left to the serializers, which say what is wrong.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tenants.behaviour.columns.event_context import KEY, MOST_KEYS
from tenants.behaviour.streaming.streaming import MOST

NEEDED = frozenset({"user_id", "item_id", "type"})


class _Unsure(Exception):
    """A second look is needed."""


def plain_events(body: Any) -> list[dict[str, Any]] | None:
    """The events of a body that is surely in order, with the values that its serializer would give;
    None for any other.
    """
    if not isinstance(body, dict):
        return None
    many = body.get("events")
    if many is None:
        found = [body]
    elif len(body) == 1 and isinstance(many, list) and 1 <= len(many) <= MOST:
        found = many
    else:
        return None
    try:
        return [_event(one) for one in found]
    except _Unsure:
        return None


def _event(told: Any) -> dict[str, Any]:
    if not isinstance(told, dict) or not told.keys() >= NEEDED:
        raise _Unsure
    try:
        return {name: READERS[name](value) for name, value in told.items()}
    except KeyError:
        raise _Unsure from None


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or not (text := value.strip()):
        raise _Unsure
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise _Unsure from None
    return text


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is not int:
        raise _Unsure
    try:
        return float(value)
    except OverflowError:
        raise _Unsure from None


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise _Unsure
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise _Unsure from None


def _context(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > MOST_KEYS or not all(map(KEY.fullmatch, value)):
        raise _Unsure
    return {name: _text(one) for name, one in value.items()}


# What an event says of consent is seldom, and goes through the serializers.
READERS: Mapping[str, Any] = {
    **dict.fromkeys(
        ("user_id", "item_id", "type", "event_id", "order_id", "item_title", "item_category"), _text
    ),
    **dict.fromkeys(("value", "price", "quantity"), _number),
    "occurred_at": _moment,
    "context": _context,
}
