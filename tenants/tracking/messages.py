"""Messages of Segment's tracking API as events: what each says, or why it is passed over.

Knows no database and no HTTP. Nothing of a message is kept that an event has no place for: no
traits, no context, no address of anybody.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from tenants.behaviour.streaming.told import Row, micros
from tenants.errors import AppError
from tenants.ids import encode, uuid7
from tenants.tracking.ecommerce import ITEM, ORDER, VIEW, Act
from tenants.tracking.moments import Unreadable, happened_at, moment_of
from tenants.tracking.narrowing import Narrowing
from tenants.tracking.parts import act_named, first, named, number, text
from tenants.tracking.plain import Plain

TRACK, PAGE, SCREEN = "track", "page", "screen"
# They tell who somebody is. Traits are not kept, and two ids are never made one person by them.
ABOUT_PEOPLE = frozenset({"identify", "group", "alias"})

# What all acts of a message have in common, by the names of `Row`.
Base = dict[str, Any]


class PassedOver(Exception):
    """A message that can be no event: a code of `behaviour.wording`, and a name that tells more."""

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(code)
        self.reason = (code, name)


@dataclass
class Told:
    """What one request told: events, and what is passed over, counted by code and name. Every
    message is in exactly one of the two, or one product of it.
    """

    events: list[Row] = field(default_factory=list)
    passed_over: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True)
class Envelope:
    """What holds for every message of a request."""

    received: datetime
    sent: Any
    context: Any
    narrowing: Narrowing

    @cached_property
    def sent_at(self) -> datetime | None:
        """None where nothing is said, or nothing to correct by."""
        return _sent(self.sent)


def read_messages(messages: list[Any], envelope: Envelope) -> Told:
    """Each message in its order."""
    told = Told()
    silent = not _consent(envelope.context)
    plain = Plain(envelope.received, envelope.sent_at).row if silent else _never
    for message in messages:
        row = plain(message)
        if row is not None:
            told.events.append(row)
            continue
        try:
            told.events += _events(message, envelope, told)
        except PassedOver as passed:
            told.passed_over[passed.reason] += 1
    return told


def _never(message: Any) -> None:
    """Where the whole request says something of consent, each message needs the second look."""


def _events(message: Any, envelope: Envelope, told: Told) -> list[Row]:
    if not isinstance(message, dict):
        raise PassedOver("malformed")
    act, name = _act(message)
    user = text(message.get("userId")) or text(message.get("anonymousId"))
    if not user:
        raise PassedOver("no_user", name)
    properties = message.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    base = {
        "user_id": user,
        "occurred_at": micros(_moment(message, envelope)),
        "withheld": _withheld(message, envelope, told),
    }
    return list(_acts(act, name, properties, base, _own_id(message), told))


def _act(message: Mapping[str, Any]) -> tuple[Act, str]:
    """What was done, and the name under which it came."""
    kind = named(message.get("type"))
    if kind in (PAGE, SCREEN):
        return VIEW, kind
    if kind in ABOUT_PEOPLE:
        raise PassedOver(kind)
    if kind != TRACK:
        raise PassedOver("unknown_call", kind)
    name = message.get("event")
    if not isinstance(name, str) or not name:
        raise PassedOver("no_name")
    act = act_named(name)
    if act is None:
        raise PassedOver("untold", name)
    return act, name


def _acts(
    act: Act, name: str, properties: Mapping[str, Any], base: Base, own: str | None, told: Told
) -> Iterator[Row]:
    """One event, or one for each product; a product without an id is passed over by itself."""
    products = properties.get("products") if act.each else None
    if not isinstance(products, list) or not products:
        yield _event(act, name, properties, properties, {**base, "event_id": own})
        return
    for place, product in enumerate(products):
        line = product if isinstance(product, dict) else {}
        # The same message gives the same ids, so that a repeated one counts once.
        event_id = own and f"{own}/{place}"
        try:
            yield _event(act, name, line, properties, {**base, "event_id": event_id})
        except PassedOver as passed:
            told.passed_over[passed.reason] += 1


def _event(
    act: Act, name: str, line: Mapping[str, Any], whole: Mapping[str, Any], base: Base
) -> Row:
    item = first(line, ITEM)
    if not item:
        raise PassedOver("no_item", name)
    rating = number(line.get("rating")) if act.rated else None
    return Row(
        **base,
        item_id=item,
        type=act.unrated if act.rated and rating is None else act.type,
        value=rating,
        price=None if act.rated else number(line.get("price")),
        quantity=None if act.rated else number(line.get("quantity")),
        order_id=first(whole, ORDER),
        item_title=text(line.get("name")),
        item_category=text(line.get("category")),
    )


def _own_id(message: Mapping[str, Any]) -> str | None:
    """By what it counts once. Without a messageId and a time nothing tells it from the next one, so
    it gets an id here, as Segment gives it one.
    """
    own = text(message.get("messageId"))
    timed = message.get("originalTimestamp") or message.get("timestamp")
    return own or (None if timed else encode(uuid7().int))


def _moment(message: Mapping[str, Any], envelope: Envelope) -> datetime:
    try:
        told = moment_of(message.get("originalTimestamp") or message.get("timestamp"))
    except Unreadable:
        raise PassedOver("bad_time") from None
    own = message.get("sentAt")
    sent = _sent(own) if own else envelope.sent_at
    try:
        return happened_at(told, sent, envelope.received)
    except Unreadable:
        raise PassedOver("bad_time") from None


def _sent(told: Any) -> datetime | None:
    try:
        return moment_of(told)
    except Unreadable:
        return None


def _withheld(message: Mapping[str, Any], envelope: Envelope, told: Told) -> str | None:
    """A no that cannot be read might be any: such an act is not taken."""
    consent = _consent(message.get("context")) or _consent(envelope.context)
    if consent is None:
        return None
    try:
        withheld, unknown = envelope.narrowing.withheld(consent)
    except AppError:
        raise PassedOver("bad_consent") from None
    told.passed_over.update(("unmapped_category", named(category)) for category in unknown)
    return withheld


def _consent(context: Any) -> Any:
    return context.get("consent") if isinstance(context, dict) else None
