"""The engine's features in words: what each is called, what it means, and how a value is shown.

One line for each line of `training/engine/features/table.py`; a test holds the two together.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dashboard.templatetags.shown import ABSENT, percent
from training.engine.features.table import FEATURES


@dataclass(frozen=True)
class Words:
    """What a feature is called and what it means."""

    label: str | Promise
    meaning: str | Promise


OF_SUBJECTS: dict[str, Words] = {
    "recency_days": Words(_("Last act"), _("Time since the last act.")),
    "acts": Words(_("Acts"), _("Acts that count.")),
    "active_days": Words(_("Active days"), _("Days on which there was any act.")),
    "acts_per_week": Words(_("Frequency"), _("Acts per week since the first one.")),
    "usual_gap_days": Words(_("Usual pause"), _("Usual time from one active day to the next.")),
    "spent": Words(_("Spent"), _("Money of all purchases.")),
    "spent_per_day": Words(_("Basket"), _("Money per day with a purchase.")),
    "sessions": Words(_("Sessions"), _("Sessions: 30 minutes without an act end one.")),
    "session_acts": Words(_("Open session"), _("Acts of the session that is open now.")),
    "usual_hour": Words(_("Usual hour"), _("Hour of the day round which the acts lie, UTC.")),
    "hour_fit": Words(
        _("Fit of this hour"),
        _("Whether the acts lie at this hour of the day: 1 all of them, -1 at the opposite hour."),
    ),
    "price_level": Words(
        _("Price level"),
        _("How dear the items are: which share of all priced items is cheaper."),
    ),
    "categories": Words(
        _("Variety"),
        _("Variety: so many equally liked categories would be as varied."),
    ),
}
OF_ITEMS: dict[str, Words] = {
    "own_acts": Words(_("Acts"), _("The person's acts on the item.")),
    "own_recency_days": Words(_("Last act"), _("Time since their last act on it.")),
    "due": Words(
        _("Due again"),
        _(
            "Whether it is due again: time since their last act on it by the usual time between "
            "two."
        ),
    ),
    "spent_share": Words(_("Share of money"), _("Share of their money that went into it.")),
    "in_session": Words(
        _("In the open session"), _("1 where the session that is open now touched it.")
    ),
    "category_affinity": Words(
        _("Liking of its category"), _("Share of all they like that lies in the item's category.")
    ),
    "price_band": Words(
        _("Price band"), _("How dear it is: which share of all priced items is cheaper.")
    ),
    "price_gap": Words(
        _("Dearer than usual"), _("How much dearer it is than what they like, below 0 cheaper.")
    ),
    "age_days": Words(_("Age of the item"), _("Time since the item was listed or first taken up.")),
}


@dataclass(frozen=True)
class Told:
    """One value as a page shows it."""

    label: str | Promise
    meaning: str | Promise
    text: str


def told(words: Mapping[str, Words], values: Mapping[str, float | None]) -> list[Told]:
    """The values in the order of the table; what is not known is a dash."""
    return [
        Told(one.label, one.meaning, shown(name, values.get(name))) for name, one in words.items()
    ]


def shown(name: str, value: float | None) -> str:
    """A value with its unit, as exact as a reader needs it."""
    if value is None:
        return ABSENT
    unit = FEATURES[name].unit
    if unit == "share":
        return percent(value)
    if unit == "hour":
        minutes = round(value * 60) % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d} UTC"
    if unit == "money":
        return f"{value:,.2f}"
    if unit == "days":
        return gettext("%(days)s days") % {"days": _short(value)}
    return _short(value)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
