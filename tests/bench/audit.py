"""`make bench-audit`: what the audit log costs its writers. 64 of them over 1,000 tenants.

In turns, in one run: `record()` in its tenant's scope, beside the same rows inserted without a
chain; tenants drawn evenly, and by Zipf's law with 1.2, where one tenant gets a quarter of all.
What waits at the end of a turn is linked, and that time counts. Then answers into the decision log
while as many are sealed, beside the same inserts unsealed; what is not sealed at the end of a turn
is sealed then, and that time counts. At the end every chain is verified, with QUICK=1 those of
the QUICK_CHAINS tenants with the longest ones. The last line is one JSON object.
"""

import json
import sys
import time

from tests.bench.audit_writers import (
    BACKLOG,
    BEHIND,
    PROCESSES,
    QUICK,
    TENANTS,
    THREADS,
    Writers,
    answer,
    tenants,
)
from tests.bench.stage import on_stage

ROUNDS, SECONDS = (2, 1.0) if QUICK else (16, 3.0)
QUICK_CHAINS = 20
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


def play(writers: Writers, turns: list[tuple[str, str]]) -> dict[str, float]:
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
