"""Who writes for `bench-audit`: processes with threads that append, insert or seal when told to,
each thread with a connection of its own.
"""

import itertools
import json
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

QUICK = bool(os.environ.get("QUICK"))
TENANTS, PROCESSES, THREADS, SEALERS = 1000, 4, 16, 4
ZIPF = 1.2
# Answers that wait for their seal when sealing is measured (about a minute's), of how many tenants.
BACKLOG, BEHIND = 120, 100 if QUICK else TENANTS


def tenants() -> list[UUID]:
    return [UUID(int=(0x0197 << 112) | number) for number in range(1, TENANTS + 1)]


class Writers:
    """Processes with threads, each with a connection of its own, that wait for orders."""

    def __enter__(self) -> "Writers":
        context = multiprocessing.get_context("spawn")
        self._ends = []
        # How many rows each thread has written in this turn: nobody seals ahead of them.
        self._written = context.Array("q", PROCESSES * THREADS, lock=False)
        for number in range(PROCESSES + 1):
            ours, theirs = context.Pipe()
            work = seal_when_told if number == PROCESSES else write_when_told
            process = context.Process(
                target=work, args=(theirs, number, self._written), daemon=True
            )
            process.start()
            self._ends.append((ours, process))
        for ours, _ in self._ends:
            assert ours.recv() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        for ours, process in self._ends:
            ours.send(None)
            process.join(20)

    def run(self, act: str, draw: str, seconds: float) -> tuple[int, float]:
        """How many rows were written, and in how many seconds, what had to follow included."""
        *writing, sealing = [ours for ours, _ in self._ends]
        self._written[:] = [0] * len(self._written)
        for ours in writing:
            ours.send((act, draw, seconds))
        if act == "sealed":
            sealing.send(seconds)
        found = [ours.recv() for ours in writing]
        took = max(spent for _, _, spent in found)
        count = sum(rows for rows, _, _ in found)
        if act == "sealed":
            sealing.send(count)
            sealed, longer = sealing.recv()
            print(
                f"  {count} answers written, {sealed} sealed meanwhile, the rest in {longer:.1f} s"
            )
            took += longer
        left = {tenant for _, waiting, _ in found for tenant in waiting}
        return count, took + linked(left)


def linked(left: set[UUID]) -> float:
    """Link what still waits; the seconds that it takes."""
    from tenants.audit.linking import link

    begun = time.monotonic()
    for tenant_id in left:
        link(tenant_id)
    return time.monotonic() - begun


def write_when_told(orders: Any, number: int, written: Any) -> None:
    """A process of writers."""
    import django

    django.setup()
    orders.send("ready")
    seeds = itertools.count(number * 1000)
    while order := orders.recv():
        act, draw, seconds = order
        found: list[tuple[int, set[UUID], float]] = []
        together = threading.Barrier(THREADS)
        threads = [
            threading.Thread(
                target=writer,
                args=(act, draw, seconds, next(seeds), together, found, written, place),
            )
            for place in range(number * THREADS, (number + 1) * THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        waiting = set().union(*(left for _, left, _ in found))
        spent = max(took for _, _, took in found)
        orders.send((sum(count for count, _, _ in found), waiting, spent))


def writer(
    act: str,
    draw: str,
    seconds: float,
    seed: int,
    together: threading.Barrier,
    found: list[tuple[int, set[UUID], float]],
    written: Any,
    place: int,
) -> None:
    """One thread. Time counts from when all of its process are connected."""
    from django.db import connection

    chance, every = random.Random(seed), tenants()
    weights = [1 / rank**ZIPF if draw == "zipf" else 1.0 for rank in range(1, TENANTS + 1)]
    drawn = chance.choices(every, weights, k=2_000)
    write, count, left = ACTS[act], 0, set()
    connection.ensure_connection()
    together.wait()
    begun = time.monotonic()
    end = begun + seconds
    for tenant_id in itertools.cycle(drawn):
        if time.monotonic() >= end:
            break
        left.discard(tenant_id) if write(tenant_id) else left.add(tenant_id)
        count += 1
        written[place] = count
    took = time.monotonic() - begun
    connection.close()
    found.append((count, left, took))


def append(tenant_id: UUID) -> bool:
    """An entry by the product's own function; whether it is linked."""
    from tenants.audit.actor import system
    from tenants.audit.events import AuditEvent
    from tenants.audit.record import record
    from tenants.isolation.scope import tenant_scope

    with tenant_scope(tenant_id):
        details = {"counts": {"accepted": 91, "rejected": 2}, "kind": "events"}
        entry = record(
            AuditEvent.UPLOAD_FINISHED,
            actor=system("bench"),
            object_id="upl_00000000000000000000aa",
            details=details,
        )
    return bool(entry.seq)


def bare(tenant_id: UUID) -> bool:
    """The same rows, unchained, by the same way through Django."""
    from django.db import connection
    from django.utils.timezone import now

    from tenants.audit.actor import system
    from tenants.audit.canonical import commitment
    from tenants.audit.linking import FACTS
    from tenants.audit.models import AuditEntry
    from tenants.audit.record import APPEND as WITH_CHAIN
    from tenants.isolation.scope import tenant_scope

    statement = WITH_CHAIN.replace("audit_append", "bench_append")
    actor, salt, moment = system("bench"), os.urandom(32), now()
    details = {"counts": {"accepted": 91, "rejected": 2}, "kind": "events"}
    with tenant_scope(tenant_id), connection.cursor() as cursor:
        entry = AuditEntry(
            tenant_id=tenant_id, seq=0, occurred_at=moment, recorded_at=moment,
            actor_type=actor.type, actor_ref=actor.ref, action="upload.finished",
            object_type="upload", object_id="upl_00000000000000000000aa",
            details_commit=commitment(salt, details),
        )  # fmt: skip
        facts = [getattr(entry, name) for name in FACTS]
        cursor.execute(statement, [*facts, salt, salt, json.dumps(details), False])
        cursor.fetchone()
    return True


def decide(tenant_id: UUID) -> bool:
    """An answer into the decision log, as it is written: one insert."""
    from django.utils.timezone import now

    from recommend.models import Decision
    from tenants.isolation.scope import tenant_scope

    with tenant_scope(tenant_id):
        Decision(occurred_at=now(), **answer()).save(force_insert=True)
    return True


def answer() -> dict[str, Any]:
    items = [
        {"item": 17 + n, "score": 0.912345 - n / 10, "reason": {"code": "bought", "params": {}}}
        for n in range(5)
    ]
    return {
        "subject_id": 7, "personalised": True, "purpose": "personalised_recommendation",
        "key_ref": "key_00000000000000000000aa", "items": items, "subject_ref": "ab" * 32,
    }  # fmt: skip


ACTS: dict[str, Callable[[UUID], bool]] = {
    "append": append, "bare": bare, "decide": decide, "sealed": decide,
}  # fmt: skip


def seal_when_told(orders: Any, number: int, written: Any) -> None:
    """A process that seals while answers come, tenant by tenant, until as many are sealed."""
    import django

    django.setup()
    orders.send("ready")
    turn = iter(itertools.cycle(tenants()[:BEHIND]))
    while seconds := orders.recv():
        end, sealed = time.monotonic() + seconds, [0] * SEALERS
        with ThreadPoolExecutor(SEALERS) as pool:
            list(pool.map(partial(sealer, turn, end, sealed, written), range(SEALERS)))
        count, begun, more = orders.recv(), time.monotonic(), sum(sealed)
        while more < count:
            more += sealing_of(next(turn))
        orders.send((sum(sealed), time.monotonic() - begun))


def sealer(turn: Iterator[UUID], end: float, sealed: list[int], written: Any, number: int) -> None:
    """One of them: a batch whenever fewer are sealed than written."""
    from django.db import connection

    while time.monotonic() < end:
        if sum(sealed) < sum(written):
            sealed[number] += sealing_of(next(turn))
        else:
            time.sleep(0.005)
    connection.close()


def sealing_of(tenant_id: UUID) -> int:
    from tenants.audit.sealing import seal

    return seal(tenant_id)
