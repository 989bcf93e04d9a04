"""`make prove-consent`: is anything ever used without consent, or does an order decide?

Random histories are judged by the fold, by a slow judge of its own kind (`consent_histories`) and,
a sample of them, by the whole product: records in mixed batches, flags, a changed notice, events,
a snapshot, answers, popularity. Then exports of the log are tampered with. The last line is one
JSON object. QUICK=1: fewer of everything.
"""

import hashlib
import json
import os
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.bench.consent_histories import INSTANTS, History, allowed, history
from tests.bench.consent_product import by_the_product
from tests.bench.stage import on_stage

QUICK = bool(os.environ.get("QUICK"))
SEED = 5
HISTORIES = 1_000 if QUICK else 12_000
SHUFFLES = 1 if QUICK else 4
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
# Between the instants and on them; later than all of them.
TIMES = [half / 2 for half in range(-1, 2 * INSTANTS + 4)]


def main() -> int:
    from django.core.management import call_command

    from tests.bench import tampers

    call_command("migrate", database="owner", interactive=False, verbosity=0)
    chance = random.Random(SEED)
    figures = by_the_fold(chance)
    for name, number in by_the_product(chance, people=50 if QUICK else 1_500).items():
        figures[name] = figures.get(name, 0) + number
    figures |= tampers.run(300 if QUICK else 10_000, SEED)
    print(json.dumps(figures))
    wrong = ("used_without_consent", "order_dependent_states", "withheld_with_consent",
             "tampers_undetected", "wrong_line_named")  # fmt: skip
    return 1 if any(figures.get(name, 0) for name in wrong) else 0


def by_the_fold(chance: random.Random) -> dict[str, int]:
    """Every history × purpose × time: fold and judge; and the fold of each in other orders."""
    from tenants.consent.fold import fold

    checks = used = withheld = dependent = 0
    for _ in range(HISTORIES):
        for told in (history(chance) for _ in range(3)):  # one for each of three purposes
            facts, flags = _facts(told), _flags(told)
            orders = [_mixed(facts, chance) for _ in range(SHUFFLES)]
            for time in TIMES:
                at = START + time * DAY
                state = fold(facts, at, flags)
                judged = allowed(told, time)
                checks += 1
                used += state.allows(at) and not judged
                withheld += judged and not state.allows(at)
                dependent += any(fold(order, at, flags[::-1]) != state for order in orders)
    print(f"{HISTORIES} histories × 3 purposes × {len(TIMES)} times: {checks} checks by the fold")
    return {
        "histories": HISTORIES,
        "checks": checks,
        "used_without_consent": used,
        "withheld_with_consent": withheld,
        "order_dependent_states": dependent,
    }


def _mixed(facts: list[Any], chance: random.Random) -> list[Any]:
    """In another order, and some of them told again."""
    told = [*facts, *chance.choices(facts, k=2)]
    chance.shuffle(told)
    return told


def _facts(told: History) -> list[Any]:
    from tenants.consent.fold import Fact
    from tenants.consent.vocabulary import ConsentEvent

    return [
        Fact(
            record_id=str(place),
            record_hash=hashlib.sha256(repr((place, act)).encode()).digest(),
            event=ConsentEvent(act.event),
            event_time=_moment(act.at),
            expires_at=None if act.ends is None else _moment(act.ends),
            hearsay=act.by_import,
            evidenced=act.proof,
            minor_unguarded=act.child_alone,
            suspends_at=None if act.replaced is None else _moment(act.replaced),
        )
        for place, act in enumerate(told.acts)
    ]


def _flags(told: History) -> list[Any]:
    from tenants.consent.fold import Flag
    from tenants.consent.vocabulary import FlagKind

    return [Flag(FlagKind(mark.kind), mark.set, _moment(mark.at)) for mark in told.marks]


def _moment(instant: float) -> datetime:
    return START + instant * DAY


if __name__ == "__main__":
    on_stage(main)
