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

    from tests.business import make_business

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


# Tables that are not a tenant's by a column of that name -> which rows are another tenant's.
MEMBERS = "(select person_id from accounts_member)"
FOREIGN = {
    "accounts_tenant": "id <> %(own)s",
    "accounts_person": f"id not in {MEMBERS}",
    "account_emailaddress": f"user_id not in {MEMBERS}",
}


def tables(alice: Any, bob: Any) -> dict[str, int]:
    """Rows of Alice that Bob sees in any table, by query, by COPY and by table of a partition."""
    from allauth.account.models import EmailAddress

    from tenants.isolation.scope import sign_in_scope
    from tests.tenants.isolation.rows import OWNED, fill_every_table

    for business in (alice, bob):
        with business.scope:
            fill_every_table()
        with sign_in_scope(business.owner.email):
            EmailAddress.objects.create(user=business.owner, email=business.owner.email)
    names = [*(model._meta.db_table for model in OWNED), *FOREIGN]
    leaked = 0
    for table in names:
        foreign = FOREIGN.get(table, "tenant_id <> %(own)s")
        found = {
            look.__name__: look(bob, table, foreign)
            for look in (by_query, by_copy, by_partition, by_update, by_delete)
        }
        if any(found.values()):
            print(f"{table}: rows of another tenant: {found}")
        leaked += sum(found.values())
    return {"tables": len(names), "rows_leaked": leaked + outside_a_scope(names)}


def by_query(bob: Any, table: str, foreign: str) -> int:
    with bob.scope:
        return scalar(f"select count(*) from {table} where {foreign}", bob)


def by_copy(bob: Any, table: str, foreign: str) -> int:
    """COPY of the whole table, counted beside the rows that are Bob's own."""
    from django.db import connection

    with bob.scope, connection.cursor() as cursor:
        own = scalar(f"select count(*) from {table} where not ({foreign})", bob)
        with cursor.copy(f"copy (select 1 from {table}) to stdout") as copy:
            return sum(bytes(part).count(b"\n") for part in copy) - own


def by_partition(bob: Any, table: str, foreign: str) -> int:
    """A partition that is asked by its own name must stand behind the wall as well."""
    with bob.scope:
        parts = column_of(
            "select inhrelid::regclass::text from pg_inherits "
            f"where inhparent = '{table}'::regclass", bob
        )  # fmt: skip
        return sum(scalar(f"select count(*) from {part} where {foreign}", bob) for part in parts)


def by_update(bob: Any, table: str, foreign: str) -> int:
    column = "user_id" if table == "account_emailaddress" else "id"
    column = "tenant_id" if table not in FOREIGN else column
    return reached(bob, f"update {table} set {column} = {column} where {foreign}")


def by_delete(bob: Any, table: str, foreign: str) -> int:
    return reached(bob, f"delete from {table} where {foreign}")


def reached(bob: Any, statement: str) -> int:
    """How many rows of others it reaches; a table that refuses it reaches none."""
    from django.db import ProgrammingError, connection

    try:
        with undone(), bob.scope, connection.cursor() as cursor:
            cursor.execute(statement, {"own": bob.tenant.id})
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


def scalar(query: str, business: Any = None) -> int:
    return int(column_of(query, business)[0])


def column_of(query: str, business: Any = None) -> list[Any]:
    """The first column; `%(own)s` in the query is the business's tenant."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(query, {"own": business.tenant.id} if business else None)
        return [row[0] for row in cursor.fetchall()]


if __name__ == "__main__":
    on_stage(main)
