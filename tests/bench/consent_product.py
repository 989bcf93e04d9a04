"""Histories of consent through the whole product: ledger, ingest, snapshot, answers, popularity.

Everybody has a twin with the same history, told in another order: their states must be equal.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.consent_histories import Act, History, Mark, allowed, history

ASKED = ("service", "analytics", "personalised_recommendation", "model_training")
DAY = timedelta(days=1)
# What has happened lies before this instant, what ends later lies behind it.
NOW = 4.5
CHANGED = 3
ITEMS = 25
PLAIN = History((Act("given", at=0),), ())
Told = tuple[str, str, Act]


@dataclass
class Person:
    """`told` by purpose; `twin` is the id of who has the same history."""

    user: str
    told: dict[str, History]

    @property
    def twin(self) -> str:
        return f"{self.user}-again"

    def allows(self, purpose: str, at: float = NOW) -> bool:
        return allowed(self.told[purpose], at)


def by_the_product(chance: random.Random, *, people: int) -> dict[str, int]:
    """Counts of uses without consent, of consents not used, and of twins that differ."""
    from django.utils.timezone import now

    from tests.business import make_business

    business = make_business("Alice")
    begin = now() - NOW * DAY
    crowd = [Person(f"person-{n}", _histories(chance)) for n in range(people)]
    tell_everything(business, crowd, begin, chance)
    mark(business, crowd, chance)
    act(business, crowd)
    found = look(business, crowd)
    found["used_without_consent"] += stored_without(business, crowd)
    stop(business, crowd[::3])
    found += look(business, crowd)
    with business.scope:
        found["order_dependent_states"] = sum(_differ(person) for person in crowd)
    print(f"{people} people and their twins × {len(ASKED)} purposes by ledger, ingest, snapshot, "
          f"answers and popularity, twice: {found['product_checks']} checks")  # fmt: skip
    return dict(found)


def _histories(chance: random.Random) -> dict[str, History]:
    """One for each purpose, some of them as plain as most are; nothing after NOW is known."""
    return {
        purpose: PLAIN if chance.random() < 0.3 else _before_now(history(chance), chance)
        for purpose in ASKED
    }


def _before_now(told: History, chance: random.Random) -> History:
    acts = (replace(act, replaced=chance.choice((None, CHANGED))) for act in told.acts)
    return History(tuple(act for act in acts if act.at < NOW), ())


def tell_everything(
    business: Any, crowd: list[Person], begin: datetime, chance: random.Random
) -> None:
    """Records in mixed batches: some before the changed notice is archived, some after."""
    _archive(business, "1", begin - DAY, material=False)
    acts = [
        (user, purpose, one)
        for person in crowd
        for purpose, told in person.told.items()
        for one in told.acts
        for user in (person.user, person.twin)
    ]
    chance.shuffle(acts)
    early = [told for told in acts if _under_the_old(told[2]) and chance.random() < 0.5]
    _tell(business, early, begin, chance)
    _archive(business, "2", begin + CHANGED * DAY, material=True)
    chosen = set(map(id, early))
    _tell(business, [told for told in acts if id(told) not in chosen], begin, chance)
    _work()


def _under_the_old(act: Act) -> bool:
    return act.replaced is not None or act.event not in ("given", "renewed")


def _archive(business: Any, version: str, at: datetime, *, material: bool) -> None:
    from tenants.consent.notices import archive_notice
    from tenants.consent.vocabulary import Purpose

    with business.scope:
        archive_notice(
            notice_id="privacy", version=version, language="en", body=f"Version {version}".encode(),
            purposes=list(map(Purpose, ASKED)), actor=business.actor, material_change=material,
            effective_at=at,
        )  # fmt: skip


def _tell(business: Any, acts: list[Told], begin: datetime, chance: random.Random) -> None:
    from tenants.consent.services import record_batch, record_consent
    from tenants.subjects.directory import resolve

    for batch in _batches(acts, chance):
        with business.scope:
            subjects = resolve(user for user, _, _ in batch)
            told = [_input(subjects[user], what, act, begin) for user, what, act in batch]
            if len(told) == 1:
                record_consent(act=told[0], actor=business.actor)
            else:
                record_batch(acts=told)


def _batches(acts: list[Told], chance: random.Random) -> Iterator[list[Told]]:
    place = 0
    while place < len(acts):
        size = chance.choice((1, 7, 300))
        yield acts[place : place + size]
        place += size


def _input(subject_id: int, purpose: str, act: Act, begin: datetime) -> Any:
    from tenants.consent.ledger import ConsentInput
    from tenants.consent.vocabulary import CollectionMethod, ConsentEvent, Purpose

    return ConsentInput(
        subject_id=subject_id,
        purpose=Purpose(purpose),
        event=ConsentEvent(act.event),
        event_time=begin + act.at * DAY,
        collection_method=CollectionMethod.IMPORT if act.by_import else CollectionMethod.WEB_FORM,
        notice_id="privacy",
        notice_version="2" if act.replaced is None else "1",
        notice_language="en",
        expires_at=None if act.ends is None else begin + act.ends * DAY,
        age_band="under_13" if act.child_alone else "adult",
        evidence={"kind": "text", "value": "signed"} if act.proof else {},
    )


def _work() -> None:
    from tenants.work.run import run_waiting

    run_waiting("default")


def mark(business: Any, crowd: list[Person], chance: random.Random) -> None:
    """Restrict some, let some object to one purpose, lift some of it again."""
    from tenants.consent.services import lift_flag, set_flag
    from tenants.consent.vocabulary import Purpose
    from tenants.subjects.directory import resolve

    for person in chance.sample(crowd, len(crowd) // 5):
        kind = chance.choice(("restriction", "objection"))
        purposes = chance.choice((None, [Purpose(chance.choice(ASKED))]))
        lifted = chance.random() < 0.3
        for user in (person.user, person.twin):
            with business.scope:
                told = {"subject_id": resolve([user])[user], "kind": kind}
                set_flag(**told, purposes=purposes, actor=business.actor, reason="asked")
                if lifted:
                    lift_flag(**told, actor=business.actor, reason="settled")
        for purpose in ASKED:
            if not lifted and (purposes is None or Purpose(purpose) in purposes):
                marks = (Mark(kind, True, 0),)
                person.told[purpose] = replace(person.told[purpose], marks=marks)


def act(business: Any, crowd: list[Person]) -> None:
    """Three acts of everybody, as they come by the API."""
    from tenants.behaviour.streaming.streaming import MOST, accept_events

    events = [
        {"user_id": user, "item_id": f"item-{(n + k) % ITEMS}", "type": "purchase",
         "event_id": f"{user}-{k}"}
        for n, person in enumerate(crowd)
        for user in (person.user, person.twin)
        for k in range(3)
    ]  # fmt: skip
    for place in range(0, len(events), MOST):
        with business.scope:
            part = events[place : place + MOST]
            accept_events(events=part, actor=business.actor, trusted=True)


def stored_without(business: Any, crowd: list[Person]) -> int:
    """How many have events although they allow none of the purposes."""
    from tenants.behaviour.models import Event
    from tenants.subjects.directory import known

    with business.scope:
        stored = set(Event.objects.values_list("subject_id", flat=True))
        ids = known(user for person in crowd for user in (person.user, person.twin))
    nothing = [person for person in crowd if not any(map(person.allows, ASKED))]
    return sum(ids.get(user) in stored for one in nothing for user in (one.user, one.twin))


def stop(business: Any, crowd: list[Person]) -> None:
    """Some withdraw everything now; it counts from the next question on."""
    from django.utils.timezone import now

    begin = now() - NOW * DAY
    acts = []
    for person in crowd:
        for purpose in ASKED:
            end = Act("withdrawn", at=0)
            acts += [(user, purpose, end) for user in (person.user, person.twin)]
            person.told[purpose] = History((end,), person.told[purpose].marks)
    _tell(business, acts, begin + NOW * DAY, random.Random(1))


def look(business: Any, crowd: list[Person]) -> Counter[str]:
    """Ask everything that uses data who is in it, and the judge who may be."""
    from tenants.subjects.directory import known

    with business.scope:
        ids = known(user for person in crowd for user in (person.user, person.twin))
        found: Counter[str] = Counter()
        for purpose, used in _uses(business, ids).items():
            for person in crowd:
                may = person.allows(purpose)
                for user in (person.user, person.twin):
                    is_used = ids.get(user) in used
                    found["product_checks"] += 1
                    found["used_without_consent"] += is_used and not may
                    found["withheld_with_consent"] += may and not is_used
    return found


def _is_personal(context: Any) -> bool:
    return not context.code and bool(context.items)


def _differ(person: Person) -> int:
    """For how many purposes the twin's state is another one."""
    from tenants.consent.models import ConsentState
    from tenants.subjects.directory import known

    told = []
    for user in (person.user, person.twin):
        states = ConsentState.objects.filter(subject_id=known([user])[user])
        columns = ("purpose", "state", "code", "valid_from", "expires_at")
        told.append(set(states.values_list(*columns)))
    return len({row[0] for row in told[0] ^ told[1]})


def _uses(business: Any, ids: Mapping[str, int]) -> dict[str, set[int]]:
    """Purpose -> the subjects whose data a use for it reads now."""
    from recommend.context import context_in_scope
    from tenants.behaviour.usable import usable
    from tenants.consent.vocabulary import Use
    from training.jobs.freezing import freeze
    from training.jobs.models import SnapshotSubject

    with tempfile.TemporaryDirectory() as folder:
        snapshot = freeze(Path(folder) / "snapshot", actor=business.actor)
    frozen = SnapshotSubject.objects.filter(snapshot=snapshot).values_list("subject_id", flat=True)
    answered = {ids[user] for user in ids if _is_personal(context_in_scope(user))}
    counted = usable(Use.POPULARITY).values_list("subject_id", flat=True)
    return {
        "model_training": set(frozen),
        "personalised_recommendation": answered,
        "analytics": set(counted),
    }
