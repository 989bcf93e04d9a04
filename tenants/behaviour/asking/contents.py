"""What the contents of a column speak for: one rule per column of ours, one table.

Pure. A rule gives its confidence (0 to 1) and the code of its reason, or nothing. Contents alone
are never as sure as a name: two columns of ids differ by what they are used for.
"""

from collections.abc import Callable

from tenants.behaviour.asking.profile import Profile
from tenants.behaviour.asking.sheet import Sheet, is_id, is_order, is_scale
from tenants.behaviour.columns.schema import CONSENTS, EVENTS, ITEMS, UploadKind

Evidence = tuple[float, str] | None
# So few values in many rows, in no order, are groups.
GROUPS = 12
# How ids of people, and of things, often begin.
PEOPLE = r"^(?i:u|usr|user|c|cu|cust|customer|client|member|buyer)[-_ ]?\d|@"
THINGS = r"^(?i:i|p|m|it|item|prod|product|sku|art|movie|book)[-_ ]?\d"


def _user(sheet: Sheet, one: Profile) -> Evidence:
    if not is_id(one) and not (one.blank < 0.1 and sheet.share(one.name, "@") > 0.9):
        return None
    if sheet.share(one.name, PEOPLE) > 0.9:
        return 0.75, "people_ids"
    if sheet.share(one.name, THINGS) > 0.9:
        return None
    # Rows of one person often stand together, rows of one thing do not. Words that are few stand
    # together by chance, as branches and countries do.
    by_chance = 1 - 1 / max(one.count, 1)  # of the cells differ from the one before
    in_runs = one.runs >= 0.3 and 1 - one.runs <= 0.75 * by_chance + 0.05
    if in_runs and not _is_finest_order(sheet, one):
        return 0.65, "ids_in_runs"
    if not in_runs and one.count <= GROUPS < len(sheet.frame) * one.filled / 4:
        return None
    return (0.5 + 0.04 * (1 - one.distinct), "ids") if one.count > 1 else None


def _is_finest_order(sheet: Sheet, one: Profile) -> bool:
    """An order's rows stand together too, but it has one person, who may have several orders; and
    orders are numbered one after another, people are not."""
    if not is_order(sheet, one):
        return False
    beside = [
        other
        for other in sheet.profiles.values()
        if other.name != one.name
        and is_id(other)
        and other.runs >= 0.3
        and sheet.determines(one.name, other.name)
    ]
    return any(
        other.count < one.count or (one.rises >= 0.9 and other.rises < 0.9) for other in beside
    )


def _tells_of(sheet: Sheet, one: Profile, whose: Callable[[Sheet, Profile], Evidence]) -> bool:
    """Whether a column is settled by one of ids of that sort which come again, each time alike."""
    return any(
        other.name != one.name
        and other.distinct < 0.95
        and whose(sheet, other) is not None
        and sheet.determines(other.name, one.name)
        for other in sheet.profiles.values()
    )


def _item(sheet: Sheet, one: Profile) -> Evidence:
    if not is_id(one) or sheet.share(one.name, PEOPLE) > 0.9:
        return None
    if sheet.share(one.name, THINGS) > 0.9:
        return 0.75, "thing_ids"
    if any(sheet.determines(one.name, text) for text in _texts(sheet)) and not is_order(sheet, one):
        return 0.7, "ids_with_title"
    if one.runs < 0.3 and one.count > 1:
        return 0.5 + 0.04 * one.distinct, "ids"
    return None


def _texts(sheet: Sheet) -> list[str]:
    return [
        name
        for name, one in sheet.profiles.items()
        if one.blank >= 0.5 and one.count > 3 and one.time < 0.5
    ]


def _order(sheet: Sheet, one: Profile) -> Evidence:
    return (0.68, "orders") if is_id(one) and _is_finest_order(sheet, one) else None


def _time(sheet: Sheet, one: Profile) -> Evidence:
    if one.time < 0.6:
        return None
    # Nothing else looks like times; a few may be badly written.
    return (0.7 + 0.1 * one.climbs) * (0.5 + 0.5 * one.time), "epoch" if one.epoch else "times"


def _word(ours: str) -> Callable[[Sheet, Profile], Evidence]:
    def rule(sheet: Sheet, one: Profile) -> Evidence:
        return (0.85, "known_words") if sheet.known(one.name, ours) >= 0.9 else None

    return rule


def _value(sheet: Sheet, one: Profile) -> Evidence:
    if not is_scale(one):
        return None
    # Beside money a small number is rather how many were bought.
    return (0.5 if any(_price(sheet, other) for other in sheet.profiles.values()) else 0.6), "scale"


def _quantity(sheet: Sheet, one: Profile) -> Evidence:
    pieces = one.number >= 0.95 and one.whole == 1 and one.time < 0.5
    small = pieces and one.count <= 60 and one.most <= 5_000 and one.runs < 0.9
    return (0.55, "pieces") if small and (one.negative or one.least == 1) else None


def _price(sheet: Sheet, one: Profile) -> Evidence:
    money = one.number >= 0.95 and one.whole < 0.95 and one.negative < 0.05
    return (0.6, "money") if money and not is_scale(one) else None


def _event_id(sheet: Sheet, one: Profile) -> Evidence:
    alone = one.filled > 0.99 and one.distinct == 1.0 and one.length >= 16
    return (0.6, "unique_ids") if alone and is_id(one) else None


def _title(sheet: Sheet, one: Profile) -> Evidence:
    named = one.blank >= 0.4 and 4 <= one.length <= 120 and one.time < 0.5 and one.number < 0.5
    return (0.6, "short_texts") if named and one.json < 0.5 and one.distinct > 0.05 else None


def _text(sheet: Sheet, one: Profile) -> Evidence:
    return (0.62, "long_texts") if one.blank >= 0.8 and one.length > 120 and not one.json else None


def _category(sheet: Sheet, one: Profile) -> Evidence:
    if one.parted >= 0.2 and one.json == 0:
        return 0.66, "lists"
    few = 2 <= one.count <= 40 and one.distinct <= 0.3 and one.number < 0.5 and one.time < 0.5
    return (0.5, "few_texts") if few and one.flag < 0.9 and one.filled > 0.3 else None


def _about_item(rule: Callable[[Sheet, Profile], Evidence]) -> Callable[[Sheet, Profile], Evidence]:
    """In a file of events only what belongs to the item: a text may as well be a person's name, a
    few texts their country, and those must not be taken for the item's."""

    def of_events(sheet: Sheet, one: Profile) -> Evidence:
        return rule(sheet, one) if is_about_item(sheet, one) else None

    return of_events


def is_about_item(sheet: Sheet, one: Profile) -> bool:
    """Whether a column follows an item's id, and no person's."""
    return _tells_of(sheet, one, _item_alone) and not _tells_of(sheet, one, _person_alone)


def _item_alone(sheet: Sheet, one: Profile) -> Evidence:
    """As `_item`, of what is neither a person's id nor an order's."""
    own, rather = _item(sheet, one), _user(sheet, one)
    alone = own and not is_order(sheet, one) and (rather is None or own[0] > rather[0])
    return own if alone else None


def _person_alone(sheet: Sheet, one: Profile) -> Evidence:
    """As `_user`, of what is not an item's id."""
    own, rather = _user(sheet, one), _item(sheet, one)
    return own if own and (rather is None or own[0] > rather[0]) else None


def _item_of_catalogue(sheet: Sheet, one: Profile) -> Evidence:
    if not is_id(one) or one.filled < 0.99 or one.distinct < 0.9:
        return None
    first = next(iter(sheet.profiles)) == one.name
    return 0.62 + 0.05 * first, "unique_ids"


def _flag(sheet: Sheet, one: Profile) -> Evidence:
    return (0.6, "flags") if one.flag >= 0.95 else None


def _json(sheet: Sheet, one: Profile) -> Evidence:
    return (0.7, "json") if one.json >= 0.9 else None


RULES: dict[UploadKind, dict[str, Callable[[Sheet, Profile], Evidence]]] = {
    EVENTS: {
        "user_id": _user,
        "item_id": _item,
        "type": _word("type"),
        "occurred_at": _time,
        "value": _value,
        "quantity": _quantity,
        "price": _price,
        "order_id": _order,
        "event_id": _event_id,
        "item_title": _about_item(_title),
        "item_category": _about_item(_category),
    },
    ITEMS: {
        "item_id": _item_of_catalogue,
        "title": _title,
        "text": _text,
        "category": _category,
        "price": _price,
        "available": _flag,
        "attributes": _json,
    },
    CONSENTS: {
        "user_id": _user,
        "purpose": _word("purpose"),
        "event": _word("event"),
        "event_time": _time,
    },
}
