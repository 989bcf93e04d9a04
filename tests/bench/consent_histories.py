"""Random histories of consent, and a slow judge of them that is written unlike the fold.

The judge walks a literal table of states (`unknown → requested → given | refused` …) and, where
several acts fall on one instant, follows every order in which they may have happened: a use is
allowed only when it is allowed in all of them. Knows neither database nor fold.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations

INSTANTS = 6
# Of one instant at most so many acts: their orders grow like a factorial.
MOST_AT_ONCE = 4
EVENTS = (
    "given", "given", "given", "renewed", "renewed", "requested", "refused", "withdrawn",
    "withdrawn", "expired", "invalidated", "opted_out", "opt_out_revoked",
)  # fmt: skip


@dataclass(frozen=True)
class Act:
    """One act at an instant; `ends` and `replaced` are instants or None."""

    event: str
    at: int
    ends: int | None = None
    by_import: bool = False
    proof: bool = False
    child_alone: bool = False
    # From when the notice that was shown is replaced by one that says other things.
    replaced: int | None = None


@dataclass(frozen=True)
class Mark:
    """A restriction or objection, set or lifted."""

    kind: str
    set: bool
    at: int


@dataclass(frozen=True)
class History:
    """What happened for one person and purpose, in no order."""

    acts: tuple[Act, ...]
    marks: tuple[Mark, ...]


def history(chance: random.Random, most: int = 7) -> History:
    """A history of up to `most` acts under a notice that may be replaced midway."""
    replaced = chance.choice((None, None, chance.randrange(INSTANTS)))
    acts: list[Act] = []
    for _ in range(chance.randint(1, most)):
        act = _act(chance, replaced)
        if sum(other.at == act.at for other in acts) < MOST_AT_ONCE:
            acts.append(act)
    marks = tuple(
        Mark(chance.choice(("restriction", "objection")), chance.random() < 0.5,
             chance.randrange(INSTANTS))
        for _ in range(chance.choice((0, 0, 0, 1, 2)))
    )  # fmt: skip
    return History(tuple(acts), marks)


def _act(chance: random.Random, replaced: int | None) -> Act:
    return Act(
        event=chance.choice(EVENTS),
        at=chance.randrange(INSTANTS),
        ends=chance.choice((None, None, None, chance.randrange(INSTANTS + 2))),
        by_import=chance.random() < 0.3,
        proof=chance.random() < 0.3,
        child_alone=chance.random() < 0.1,
        replaced=chance.choice((None, replaced)),
    )


@dataclass(frozen=True)
class Standing:
    """Where one order of the acts has led. `own_stop`: a stop on the business's own channel."""

    name: str = "unknown"
    ends: int | None = None
    replaced: int | None = None
    own_stop: bool = False


STOPS = {"refused", "withdrawn", "opted_out", "invalidated"}
# Event -> from which states it leads to the state of its own name; anything else stays as it is.
LEADS: dict[str, set[str] | None] = {
    "requested": {"unknown"},
    "refused": None,
    "withdrawn": None,
    "opted_out": None,
    "invalidated": None,
    "expired": {"given", "suspended"},
    "opt_out_revoked": {"opted_out"},
}


def allowed(told: History, at: float) -> bool:
    """Whether a use at `at` may rely on it, whatever the order of the acts of one instant was."""
    if any(act.event == "invalidated" and act.at > at for act in told.acts):
        return False  # it was never lawful
    if any(_marked(told.marks, kind, at) for kind in ("restriction", "objection")):
        return False
    standings = {Standing()}
    for instant in sorted({act.at for act in told.acts if act.at <= at}):
        acts = [act for act in told.acts if act.at == instant]
        standings = {
            _through(standing, order, instant)
            for standing in standings
            for order in permutations(acts)
        }
    return all(_with_time(standing, at).name == "given" for standing in standings)


def _marked(marks: Iterable[Mark], kind: str, at: float) -> bool:
    """Whether the last word on this kind is that it is set; a tie goes to the mark."""
    told = [mark for mark in marks if mark.kind == kind and mark.at <= at]
    last = max((mark.at for mark in told), default=None)
    return any(mark.set for mark in told if mark.at == last)


def _through(standing: Standing, order: Sequence[Act], instant: int) -> Standing:
    for act in order:
        standing = _step(_with_time(standing, instant), act)
    return standing


def _with_time(standing: Standing, at: float) -> Standing:
    """What time alone does: a consent runs out, a notice is replaced."""
    name = standing.name
    if name in ("given", "suspended") and standing.ends is not None and standing.ends <= at:
        name = "expired"
    elif name == "given" and standing.replaced is not None and standing.replaced <= at:
        name = "suspended"
    return Standing(name, standing.ends, standing.replaced, standing.own_stop)


def _step(now: Standing, act: Act) -> Standing:
    if act.event in ("given", "renewed"):
        return _grant(now, act)
    sources = LEADS[act.event]
    if sources is not None and now.name not in sources:
        return now
    own = act.event in STOPS and not act.by_import
    return Standing(act.event, own_stop=own or (now.own_stop and act.by_import))


def _grant(now: Standing, act: Act) -> Standing:
    if act.event == "renewed" and now.name not in ("given", "suspended"):
        return now
    if now.own_stop and act.by_import and not act.proof:
        return Standing("conflict", act.ends, act.replaced, own_stop=True)
    if act.child_alone:
        return Standing("child", act.ends, act.replaced, own_stop=now.own_stop)
    return Standing("given", act.ends, act.replaced)
