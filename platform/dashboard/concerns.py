"""What on the quality page needs somebody: one rule per line of a table, figures in, words out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from dashboard.quality import Catalogue, Changes, Density, Freshness

STALE = timedelta(days=7)
BLANK_SHARE, UNTITLED_SHARE = 0.05, 0.1
TYPICAL_ACTS = 3
WAITING_SHARE = 0.1


@dataclass(frozen=True)
class Found:
    """Everything that the page shows, as the rules read it; `last` is the newest act."""

    last: datetime
    now: datetime
    density: Density
    changes: Changes
    catalogue: Catalogue
    freshness: Freshness


@dataclass(frozen=True)
class Rule:
    """When it speaks, what it says, what to do, and on which page."""

    speaks: Callable[[Found], bool]
    says: str | Promise
    do: str | Promise
    view: str


def _stale(found: Found) -> bool:
    return found.now - found.last > STALE


def _blank(found: Found) -> bool:
    told = found.changes.blank
    return told is not None and told[0] > BLANK_SHARE * told[1]


def _untitled(found: Found) -> bool:
    stock = found.catalogue
    return stock.items - stock.has["title"] > UNTITLED_SHARE * stock.items


def _uncategorised(found: Found) -> bool:
    stock = found.catalogue
    return stock.items > 0 and not stock.has["category"]


def _sparse(found: Found) -> bool:
    return found.density.typical < TYPICAL_ACTS


def _waiting(found: Found) -> bool:
    waiting = found.freshness.waiting
    return waiting > WAITING_SHARE * (waiting + found.density.acts)


def _types_moved(found: Found) -> bool:
    return found.changes.types is not None and found.changes.types.notable


def _taste_moved(found: Found) -> bool:
    moved = (found.changes.categories, found.changes.newcomers)
    return any(one is not None and one.notable for one in moved)


RULES = (
    Rule(
        _stale,
        _("The newest act is more than a week old."),
        _("Look whether your shop still sends events, or upload the newest file."),
        "data",
    ),
    Rule(
        _blank,
        _("More than one act in twenty is on an item of which nothing but the id is known."),
        _("Upload your items with title and category: models read them."),
        "data",
    ),
    Rule(
        _untitled,
        _("More than one item in ten has no title."),
        _("Upload your items with titles, or new ones are found by nobody."),
        "data",
    ),
    Rule(
        _uncategorised,
        _("No item has a category."),
        _("Upload your items with a category: it tells what people like beyond single items."),
        "data",
    ),
    Rule(
        _sparse,
        _("Half of the people have fewer than three acts in half a year."),
        _("Send views and clicks too, not purchases alone: they say what people look for."),
        "schema",
    ),
    Rule(
        _waiting,
        _("More than one act in ten waits for consent."),
        _("Upload the consent records of these people, or ask them."),
        "consent",
    ),
    Rule(
        _types_moved,
        _("People act in other ways than in the month before."),
        _("If nothing changed in your shop, look whether every kind of event is still sent."),
        "data",
    ),
    Rule(
        _taste_moved,
        _("People like other things, or other people come, than in the month before."),
        _("Train anew, so that answers follow."),
        "models",
    ),
)


def concerns(found: Found) -> list[Rule]:
    """The rules that speak, in their order."""
    return [rule for rule in RULES if rule.speaks(found)]
