"""`make bench-isolation`: does anything of one tenant reach another, and what does the wall cost?

Walks every route with every method as every identity, asks every table without a filter in every
way there is, and times a list with its tenant's scope beside the same list without one. The last
line is one JSON object.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.stage import UNLIMITED, on_stage

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 400 if QUICK else 3_000
ROWS = 40


def main() -> None:
    from django.core.management import call_command

    from tests.conftest import make_business

    call_command("migrate", database="owner", interactive=False, verbosity=0)
    alice, bob, carol = (make_business(name) for name in ("Alice", "Bob", "Carol"))
    figures = {
        **visits(alice, bob, carol),
        **tables(alice, bob),
        **foreign_ids(alice, bob),
        **scope_cost(alice),
    }
    print(json.dumps(figures))
    failed = figures["leaks"] or figures["unlisted_routes"] or figures["rows_leaked"]
    sys.exit(1 if failed or figures["wrong_answers"] else 0)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def visits(alice: Any, bob: Any, carol: Any) -> dict[str, int]:
    """Every route × method × identity."""
    from tests.access_table import API, OPEN, PAGES, PERSONAL, routes
    from tests.access_walk import identities, walk

    for business in (alice, bob):
        grant(business, UNLIMITED)
    people = identities(alice, bob, carol)
    found = list(walk(alice, people, undone))
    for visit in found:
        if not visit.right:
            print(f"{visit.method} /{visit.route} as {visit.identity}: {visit.status}, expected "
                  f"{sorted(visit.expected)}, leaked {visit.leaked}")  # fmt: skip
    print(f"{len(found)} requests by {len(people)} identities")
    return {
        "routes": len({*API, *PAGES, *OPEN, *PERSONAL}),
        "identities": len(people),
        "requests": len(found),
        "leaks": sum(bool(visit.leaked) for visit in found),
        "wrong_answers": sum(not visit.right for visit in found),
        "unlisted_routes": len(set(routes()) - {*API, *PAGES, *OPEN, *PERSONAL}),
    }


def tables(alice: Any, bob: Any) -> dict[str, int]:
    """Rows of Alice that Bob sees in any table, by query, by COPY and by table of a partition."""
    from tests.tenants.isolation.rows import OWNED, fill_every_table

    for business in (alice, bob):
        with business.scope:
            fill_every_table()
    names = [*(model._meta.db_table for model in OWNED), "accounts_tenant"]
    leaked = 0
    for table in names:
        column = "id" if table == "accounts_tenant" else "tenant_id"
        found = sum(
            look(bob, table, column)
            for look in (by_query, by_copy, by_partition, by_update)
        )  # fmt: skip
        if found:
            print(f"{table}: {found} rows of another tenant")
        leaked += found
    return {"tables": len(names), "rows_leaked": leaked + outside_a_scope(names)}


def by_query(bob: Any, table: str, column: str) -> int:
    with bob.scope:
        return scalar(f"select count(*) from {table} where {column} <> %s", bob.tenant.id)


def by_copy(bob: Any, table: str, column: str) -> int:
    from django.db import connection

    own = str(bob.tenant.id).encode()
    query = f"copy (select {column} from {table}) to stdout"
    with bob.scope, connection.cursor() as cursor, cursor.copy(query) as copy:
        return sum(own not in bytes(line) for line in copy)


def by_partition(bob: Any, table: str, column: str) -> int:
    """A partition that is asked by its own name must stand behind the wall as well."""
    with bob.scope:
        parts = column_of(
            "select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", table
        )
        return sum(
            scalar(f"select count(*) from {part} where {column} <> %s", bob.tenant.id)
            for part in parts
        )


def by_update(bob: Any, table: str, column: str) -> int:
    """How many rows of others an UPDATE reaches; a table that refuses it reaches none."""
    from django.db import ProgrammingError, connection

    try:
        with undone(), bob.scope, connection.cursor() as cursor:
            cursor.execute(f"update {table} set {column} = {column} where {column} <> %s",
                           [bob.tenant.id])  # fmt: skip
            return int(cursor.rowcount)
    except ProgrammingError:
        return 0


def outside_a_scope(names: list[str]) -> int:
    """Rows that a query without any scope gets, instead of an error."""
    from django.db import ProgrammingError

    seen = 0
    for table in names:
        try:
            seen += scalar(f"select count(*) from {table}")
            print(f"{table} answers outside a scope")
        except ProgrammingError:
            continue
    return seen


def foreign_ids(alice: Any, bob: Any) -> dict[str, float]:
    """The time of an answer to another tenant's id beside one to an id of nothing."""
    from attune.wsgi import application
    from tenants.ids import uuid7
    from tests.access_table import ids_in, public_id
    from tests.doors import ask

    foreign, missing = ids_in(alice)["upl"], public_id("upload", uuid7())
    times = interleaved(
        {name: (lambda name=name: ask(application, f"/v1/uploads/{name}", headers=bob.headers))
         for name in (foreign, missing)},
        ROUNDS // 2,
    )  # fmt: skip
    return {"foreign_to_missing_time_ratio": round(times[foreign] / times[missing], 3)}


def scope_cost(alice: Any) -> dict[str, float]:
    """GET /v1/uploads with its scope and the wall, beside the same rows in a table without a wall,
    filtered by hand and read outside a transaction. Same key check, same page, same server path.
    """
    from django.conf import settings
    from django.urls import clear_url_caches

    from attune.wsgi import application
    from tests.bench import bare
    from tests.doors import ask

    bare.open_bare_table(alice, ROWS)
    settings.ROOT_URLCONF = bare.__name__
    clear_url_caches()
    addresses = {"scoped": "/v1/uploads", "bare": "/v1/bare-uploads"}
    for address in addresses.values():
        reply = ask(application, address, headers=alice.headers)
        assert (reply.status, len(reply.json()["data"])) == (200, 20), reply
    times = interleaved(
        {name: (lambda at=at: ask(application, at, headers=alice.headers))
         for name, at in addresses.items()},
        ROUNDS,
    )  # fmt: skip
    print(f"scoped {times['scoped'] * 1e3:.2f} ms, bare {times['bare'] * 1e3:.2f} ms (medians)")
    return {
        "scoped_ms": round(times["scoped"] * 1e3, 3),
        "scope_cost_ratio": round(times["scoped"] / times["bare"], 3),
    }


def interleaved(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The median seconds of each call, made in turn so that the machine's drift hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds):
        order = list(calls) if turn % 2 else list(reversed(calls))
        for name in order:
            begun = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found) for name, found in times.items()}


def grant(business: Any, limits: dict[str, float]) -> None:
    from tenants.accounts.models import Tenant

    with business.scope:
        Tenant.objects.update(granted=limits)


def scalar(query: str, *values: Any) -> int:
    return int(column_of(query, *values)[0])


def column_of(query: str, *values: Any) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [row[0] for row in cursor.fetchall()]


if __name__ == "__main__":
    on_stage(main)
