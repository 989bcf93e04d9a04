"""`make bench-neighbour`: what tenant B feels when tenant A offers ten times its limit.

One run on the product as it ships: find what the machine answers per second, limit both tenants to
half of that, then let B repeat one schedule alone and beside A, in turns, so that a noisy machine
touches both alike. Ends with one JSON object and judges nothing. Times of B count from the moment
a request was due.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests import shop
from tests.bench.load import Generator, Order, Outcome
from tests.bench.stage import Stage, on_stage, stage

PEOPLE = 60
STEPS = (1, 2, 4, 8, 16, 32)  # connections of the closed loop
# The search ends after so many steps in a row that gained less; one may be the machine's noise.
GAIN, PATIENCE = 1.05, 2


@dataclass(frozen=True)
class Plan:
    """How long and how hard; seconds and requests per second."""

    rounds: int
    phase: float
    lead: float
    capacity_step: float
    b_share: float
    times: float
    a_connections: int
    b_connections: int
    seed: int


@dataclass
class Heard:
    """The outcomes of the rounds, in turn."""

    alone: list[Outcome] = field(default_factory=list)
    beside: list[Outcome] = field(default_factory=list)
    loud: list[Outcome] = field(default_factory=list)


def requests_of(where: Stage, name: str) -> list[str]:
    """One whole request per person of the tenant, with its key."""
    key = where.shops[name].key
    return [
        f"GET /v1/recommendations?user_id={shop.user(person)} HTTP/1.1\r\n"
        f"Host: {where.host}:{where.port}\r\nAuthorization: Bearer {key}\r\n\r\n"
        for person in range(PEOPLE)
    ]


def ask(where: Stage, name: str, **how: Any) -> Generator:
    """A generator of this tenant's requests, connected and waiting."""
    order = Order(host=where.host, port=where.port, requests=requests_of(where, name), **how)
    return Generator(order)


def closed(where: Stage, name: str, connections: int, seconds: float) -> float:
    """Answers with status 200 per second; SystemExit when there is any other answer."""
    outcome = ask(where, name, connections=connections, seconds=seconds).begin().outcome()
    if set(outcome.statuses) != {"200"} or outcome.broken:
        raise SystemExit(f"the server does not answer well: {outcome.statuses}, {outcome.broken}")
    return outcome.statuses["200"] / outcome.seconds


def capacity(where: Stage, seconds: float) -> float:
    """The most answers per second over growing numbers of connections."""
    best, vain = 0.0, 0
    for connections in STEPS:
        rate = closed(where, "A", connections, seconds)
        print(f"{connections:3} connections: {rate:7.1f} answers per second", flush=True)
        vain = 0 if rate > best * GAIN else vain + 1
        best = max(best, rate)
        if vain == PATIENCE:
            break
    return best


def play(where: Stage, plan: Plan, limit: float, b_rate: float) -> Heard:
    """The rounds: B alone, then the same schedule of B while A offers `plan.times` its limit."""
    heard = Heard()
    b = {
        "rate": b_rate, "seconds": plan.phase, "connections": plan.b_connections,
    }  # fmt: skip
    for number in range(plan.rounds):
        seed = plan.seed + number
        heard.alone.append(ask(where, "B", seed=seed, **b).begin().outcome())
        quiet = ask(where, "B", seed=seed, **b)
        loud = ask(
            where,
            "A",
            rate=limit * plan.times,
            seed=seed,
            seconds=plan.lead + plan.phase,
            connections=plan.a_connections,
            keep_all=False,
        ).begin()
        time.sleep(plan.lead)
        heard.beside.append(quiet.begin().outcome())
        heard.loud.append(loud.outcome())
        _tell(number, heard)
    return heard


def _tell(number: int, heard: Heard) -> None:
    alone, beside, loud = heard.alone[-1], heard.beside[-1], heard.loud[-1]
    print(
        f"round {number + 1}: B p99 {ms(alone.latencies, 99)} ms alone, "
        f"{ms(beside.latencies, 99)} ms beside A; A sent {loud.sent / loud.seconds:.0f} per "
        f"second, its generator took {loud.cpu_seconds / loud.seconds:.0%} of a core: "
        f"{dict(loud.statuses)}",
        flush=True,
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest rank; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def ms(values: Sequence[float], percent: float) -> float:
    return round(percentile(values, percent) * 1000, 2)


def pooled(outcomes: Sequence[Outcome]) -> list[float]:
    return [value for outcome in outcomes for value in outcome.latencies]


def errors(outcomes: Sequence[Outcome]) -> int:
    """Whatever of B's requests was due and not answered with 200."""
    return sum(
        outcome.broken + outcome.unanswered + outcome.dropped
        + sum(count for status, count in outcome.statuses.items() if status != "200")
        for outcome in outcomes
    )  # fmt: skip


def per_second(outcomes: Sequence[Outcome], count: str) -> float:
    """Answers with this status per second over all rounds."""
    seconds = sum(outcome.seconds for outcome in outcomes)
    return round(sum(outcome.statuses[count] for outcome in outcomes) / seconds, 1)


def result(heard: Heard, plan: Plan, found: float, limit: float) -> dict[str, Any]:
    alone, beside = pooled(heard.alone), pooled(heard.beside)
    seconds = sum(outcome.seconds for outcome in heard.loud)
    others = sum(
        outcome.broken + outcome.unanswered
        + sum(n for status, n in outcome.statuses.items() if status not in ("200", "429"))
        for outcome in heard.loud
    )  # fmt: skip
    return {
        "b_p99_ratio": round(percentile(beside, 99) / percentile(alone, 99), 3),
        "b_errors": errors([*heard.alone, *heard.beside]),
        "b_p99_alone_ms": ms(alone, 99),
        "b_p99_with_a_ms": ms(beside, 99),
        "b_p50_alone_ms": ms(alone, 50),
        "b_p50_with_a_ms": ms(beside, 50),
        "capacity_per_second": round(found, 1),
        "a_limit": round(limit, 1),
        "a_wanted_per_second": round(limit * plan.times, 1),
        "a_offered_per_second": round(sum(outcome.sent for outcome in heard.loud) / seconds, 1),
        "a_answered_per_second": per_second(heard.loud, "200"),
        "a_refused_per_second": per_second(heard.loud, "429"),
        "a_other_errors": others,
        "a_generator_cpu": round(sum(o.cpu_seconds for o in heard.loud) / seconds, 3),
        "rounds": plan.rounds,
        "b_requests": sum(outcome.sent for outcome in [*heard.alone, *heard.beside]),
    }


def options() -> tuple[Plan, argparse.Namespace]:
    quick = bool(os.environ.get("QUICK"))
    parser = argparse.ArgumentParser()
    for name, value in {
        "rounds": 2 if quick else 8,
        "phase": 2.5 if quick else 6.0,
        "lead": 0.5 if quick else 2.0,
        "capacity-step": 1.0 if quick else 4.0,
        "b-share": 0.1,
        "times": 10.0,
        "a-connections": 32,
        "b-connections": 16,
        "seed": 1,
    }.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    shipped = {"type": int, "default": None, "help": "of the web server; as shipped if left out"}
    parser.add_argument("--workers", **shipped)
    parser.add_argument("--threads", **shipped)
    given = parser.parse_args()
    names = Plan.__dataclass_fields__
    return Plan(**{name: getattr(given, name) for name in names}), given


def main() -> None:
    plan, given = options()
    with stage("A", "B", people=PEOPLE, workers=given.workers, threads=given.threads) as where:
        for name in where.shops:
            closed(where, name, 16, plan.capacity_step)  # warm up: every thread, both bundles
        found = capacity(where, plan.capacity_step)
        limit = found / 2
        # `at_once` is the plan's own.
        own = {"requests_per_second": limit, "burst": max(1, round(limit))}
        for name in where.shops:
            where.grant(name, own)
        heard = play(where, plan, limit, found * plan.b_share)
    print(json.dumps(result(heard, plan, found, limit)))


if __name__ == "__main__":
    on_stage(main)
