"""What would end otherwise than stored of the rows of a batch that were read well: no consent, no
notice, here already. Asks the database and writes nothing; as it is now, which may have changed
when the rows are stored.
"""

from collections.abc import Callable
from uuid import UUID

import polars as pl

from tenants.behaviour.columns.mapping import Plan
from tenants.behaviour.landing.carriage import narrow
from tenants.behaviour.landing.consent_landing import refused_consents
from tenants.behaviour.landing.event_landing import (
    ALREADY,
    ERASED,
    Withheld,
    here_already,
    of_unknown_items,
)
from tenants.behaviour.models import Upload
from tenants.consent.queries import storable, why_not_storable
from tenants.subjects.directory import known
from tenants.subjects.suppression import erased


def foresee_events(rows: pl.DataFrame, upload_id: UUID, plan: Plan) -> Withheld:
    """By outcome the numbers of the rows that would not be stored now, each once."""
    users = rows["user_id"].unique().to_list()
    subjects = known(users)
    allowed = storable(subjects.values())
    why = why_not_storable(set(subjects.values()) - allowed)
    gone = erased(users)
    ended: dict[str, tuple[str, str]] = {}
    for user in users:
        subject = subjects.get(user)
        if subject in allowed:
            continue
        code = why.get(subject) if subject is not None else None
        ended[user] = ERASED if user in gone else ("quarantined", code or "no_record")
    unknown = of_unknown_items(rows) if plan.options.known_items_only else {}
    return _by_outcome(rows, ended, unknown)


def _by_outcome(
    rows: pl.DataFrame, ended: dict[str, tuple[str, str]], unknown: Withheld
) -> Withheld:
    """The first of: erased, of an unknown item, refused for what it says itself, here already, held
    back."""
    found: Withheld = {}
    left = rows

    def end(outcome: tuple[str, str], numbers: list[int]) -> None:
        nonlocal left
        if numbers:
            found.setdefault(outcome, []).extend(numbers)
            left = left.filter(~pl.col("row").is_in(numbers))

    gone = [user for user, outcome in ended.items() if outcome == ERASED]
    end(ERASED, left.filter(pl.col("user_id").is_in(gone))["row"].to_list())
    for outcome, numbers in unknown.items():
        end(outcome, left.filter(pl.col("row").is_in(numbers))["row"].to_list())
    for code, numbers in narrow(left).refused.items():
        end(("rejected", code), numbers)
    end(ALREADY, here_already(left))
    for outcome in sorted(set(ended.values()) - {ERASED}):
        held = [user for user, one in ended.items() if one == outcome]
        end(outcome, left.filter(pl.col("user_id").is_in(held))["row"].to_list())
    return found


def foresee_items(rows: pl.DataFrame, upload_id: UUID, plan: Plan) -> Withheld:
    """Every item that was read well is stored."""
    return {}


def foresee_consents(rows: pl.DataFrame, upload_id: UUID, plan: Plan) -> Withheld:
    """What the ledger would refuse."""
    return refused_consents(rows, upload_id)


FORESEEN: dict[str, Callable[[pl.DataFrame, UUID, Plan], Withheld]] = {
    Upload.EVENTS: foresee_events,
    Upload.ITEMS: foresee_items,
    Upload.CONSENTS: foresee_consents,
}
