"""`make bench-audit`: what the audit log costs its writers. 64 of them over 1,000 tenants.

In turns, in one run: `record()` in its tenant's scope, beside the same rows inserted without a
chain; tenants drawn evenly, and by Zipf's law with 1.2, where one tenant gets a quarter of all.
What waits at the end of a turn is linked, and that time counts. Then answers into the decision log
while as many are sealed, beside the same inserts unsealed; what is not sealed at the end of a turn
is sealed then, and that time counts. At the end every chain is verified, with QUICK=1 those of
the QUICK_CHAINS tenants with the longest ones. The last line is one JSON object.
"""

import itertools
import json
import multiprocessing
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from uuid import UUID

from tests.bench.stage import on_stage

QUICK = bool(os.environ.get("QUICK"))
TENANTS, PROCESSES, THREADS, SEALERS = 1000, 4, 16, 4
ROUNDS, SECONDS = (2, 1.0) if QUICK else (16, 3.0)
ZIPF = 1.2
QUICK_CHAINS = 20
# Answers that wait for their seal when sealing is measured (about a minute's), of how many tenants.
BACKLOG, BEHIND = 120, 100 if QUICK else TENANTS
COPIES = """
create sequence bench_seq;
create table bench_entry (like audit_auditentry including all);
create table bench_detail (like audit_auditdetail including all);
alter table bench_entry add constraint bench_entry_tenant_key unique (tenant_id, id);
grant select, insert on bench_entry, bench_detail to attune_app;
grant usage on sequence bench_seq to attune_app;
"""
APPEND = """
create function bench_append(own audit_auditwaiting, patient boolean,
    out seq bigint, out prev_hash bytea, out entry_hash bytea) language plpgsql as $$
#variable_conflict use_column
begin
    seq := nextval('bench_seq');
    prev_hash := own.content_hash;
    entry_hash := own.content_hash;
    insert into bench_entry ({columns}, seq, prev_hash, entry_hash)
        values ({own}, nextval('bench_seq'), own.content_hash, own.content_hash);
    insert into bench_detail (tenant_id, entry_id, salt, details)
        values (own.tenant_id, own.id, own.salt, own.details);
end $$;
"""


COUNTED = """
select coalesce((select seq from audit_audithead), 0), (select count(*) from audit_auditentry),
    (select count(*) from audit_auditwaiting)
"""


def tenants() -> list[UUID]:
    return [UUID(int=(0x0197 << 112) | number) for number in range(1, TENANTS + 1)]


def main() -> None:
    from django.core.management import call_command

    call_command("migrate", database="owner", interactive=False, verbosity=0)
    open_copies()
    print(f"{PROCESSES * THREADS} writers, {TENANTS} tenants, {ROUNDS} rounds of {SECONDS} s each")
    with Writers() as writers:
        writers.run("append", "uniform", 0.5 if QUICK else 3.0)  # heads, plans, connections
        rates = play(writers, APPENDS)
        fill_decisions()
        rates |= play(writers, DECISIONS)
    gaps, speed = verified()
    result = {
        "append_ratio_uniform": ratio(rates, "append uniform", "bare uniform"),
        "append_ratio_zipf": ratio(rates, "append zipf", "bare zipf"),
        "decision_log_ratio": ratio(rates, "sealed uniform", "decide uniform"),
        "gaps": gaps,
        "verify_entries_per_second": round(speed),
    }
    print(json.dumps(result))
    sys.exit(bool(gaps))


APPENDS = [("bare", "uniform"), ("append", "uniform"), ("bare", "zipf"), ("append", "zipf")]
DECISIONS = [("decide", "uniform"), ("sealed", "uniform")]


def play(writers: "Writers", turns: list[tuple[str, str]]) -> dict[str, float]:
    """Every turn in every round, the order reversed each time; rows a second of each in all."""
    rows: dict[str, int] = dict.fromkeys((" ".join(turn) for turn in turns), 0)
    spent = dict.fromkeys(rows, 0.0)
    for number in range(ROUNDS):
        for act, draw in turns if number % 2 else reversed(turns):
            count, seconds = writers.run(act, draw, SECONDS)
            rows[f"{act} {draw}"] += count
            spent[f"{act} {draw}"] += seconds
    rates = {name: rows[name] / spent[name] for name in rows}
    for name, rate in rates.items():
        print(f"{name}: {rate:.0f} a second, {rows[name]} in {spent[name]:.1f} s", flush=True)
    return rates


def ratio(rates: dict[str, float], one: str, other: str) -> float:
    return round(rates[one] / rates[other], 3)


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


def open_copies() -> None:
    """The tables without a chain, behind the same walls and keys."""
    from django.db import connection

    from tenants.audit.linking import FACTS
    from tenants.isolation import policies
    from tests.connections import as_owner_of

    columns, own = ", ".join(FACTS), ", ".join(f"own.{name}" for name in FACTS)
    reference = policies.tenant_reference("bench_detail", "entry_id", "bench_entry")
    with as_owner_of(connection.settings_dict["NAME"]) as owner:
        owner.execute(COPIES)
        for table in ("bench_entry", "bench_detail"):
            for statement in policies.wall(table):
                owner.execute(statement)
        owner.execute(reference)
        owner.execute(APPEND.format(columns=columns, own=own))


def fill_decisions() -> None:
    """Let a minute's answers of every tenant wait for their seal, so that sealing has its pace."""
    from django.db import connection
    from django.utils.timezone import now

    from recommend.models import Decision
    from tenants.isolation.scope import tenant_scope
    from tests.connections import as_owner_of

    for tenant_id in tenants()[:BEHIND]:
        with tenant_scope(tenant_id):
            rows = [Decision(occurred_at=now(), **answer()) for _ in range(BACKLOG)]
            Decision.objects.bulk_create(rows)
    with as_owner_of(connection.settings_dict["NAME"]) as owner:
        owner.execute("analyze recommend_decision")
        owner.execute("analyze audit_sealedrow")


def verified() -> tuple[int, float]:
    """Missing numbers and unfinished chains over all tenants, broken ones of those that are
    verified; entries verified a second."""
    from django.db import connection

    from tenants.audit.verify import verify_chain
    from tenants.isolation.scope import tenant_scope

    gaps, lengths = 0, {}
    for tenant_id in tenants():
        with tenant_scope(tenant_id), connection.cursor() as cursor:
            cursor.execute(COUNTED)
            highest, lengths[tenant_id], waiting = cursor.fetchone()
        gaps += highest - lengths[tenant_id] + waiting
    longest = sorted(filter(lengths.get, lengths), key=lambda one: -lengths[one])
    chosen = longest[:QUICK_CHAINS] if QUICK else longest
    entries, begun = 0, time.monotonic()
    for tenant_id in chosen:
        with tenant_scope(tenant_id):
            verdict = verify_chain()
        gaps += not verdict.ok
        entries += verdict.entries
    spent = time.monotonic() - begun
    print(f"{len(chosen)} of {len(longest)} chains verified: {entries} entries in {spent:.1f} s")
    return gaps, entries / spent


if __name__ == "__main__":
    on_stage(main)
