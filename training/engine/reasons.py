"""Why an item was recommended, as a code with parameters; the words are chosen where it is shown.

A cause is computed from what the source added to this item's score, never picked for its looks.
"""

from dataclasses import dataclass, field

from training.engine.arrays import I64

Parameter = int | float | str


@dataclass(frozen=True)
class Cause:
    """A reason in catalogue positions: `about` is the position of the past item it points at, if
    any."""

    code: str
    about: int | None = None
    params: dict[str, Parameter] = field(default_factory=dict)


# No past event and no popularity speaks for the item; it only ranks above the others.
NO_CAUSE = Cause("overall_fit")


@dataclass(frozen=True)
class Reason:
    """A reason in public item numbers.

    Codes: bought_before {times, item, days_ago}; people_who_bought {item}; sequence_match {item} or
    {}; similar_text {item}; follows_text {item}; popular_now {window_days}; overall_fit {}.
    """

    code: str
    params: dict[str, Parameter]


def worded_by(cause: Cause, catalogue: I64) -> Reason:
    """The same reason with the item's public number instead of its position."""
    if cause.about is None:
        return Reason(cause.code, dict(cause.params))
    return Reason(cause.code, {"item": int(catalogue[cause.about]), **cause.params})
