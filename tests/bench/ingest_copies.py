"""What the benchmark of ingest compares with: the stored rows as one COPY into a table with the
same keys and indexes, and into one without any; and the bytes that a stored row takes.

The file of the COPY is CSV, as what is uploaded is; binary, which nobody has on disk, comes along.

The tables stand outside the wall (no row-level security), and the owner of the database copies.
The rows come in the order in which the product stored them, so that both meet the same pages.
"""

import time
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from tests.connections import as_owner_of

KEYED, BARE = "bench_event_keyed", "bench_event_bare"
OPEN = f"""
create table {KEYED} (like behaviour_event including all);
create table {BARE} (like behaviour_event);
alter table {BARE} alter column id drop not null;
"""
COLUMNS = """select string_agg(attname, ', ' order by attnum) from pg_attribute
    where attrelid = 'behaviour_event'::regclass and attnum > 0 and not attisdropped
    and attidentity = ''"""
# With what an index of this tenant's alone would be: nobody else's rows are there.
SIZE = "select pg_table_size('behaviour_event'), pg_indexes_size('behaviour_event')"
INDEXES = """select indexrelid::regclass::text, pg_relation_size(indexrelid) from pg_index
    where indrelid = 'behaviour_event'::regclass order by 1"""
EMPTY = "truncate behaviour_event, behaviour_quarantinedrow, behaviour_item cascade"
PIECE = 1 << 20


def as_owner(tenant_id: UUID | None = None) -> Any:
    return as_owner_of(connection.settings_dict["NAME"], tenant_id)


def open_tables() -> None:
    with as_owner() as owner:
        owner.execute(OPEN)


def keep_rows(path: Path, tenant_id: UUID, form: str) -> int:
    """Write the stored rows of the tenant to a file, as `form` of COPY; how many."""
    with as_owner(tenant_id) as owner, path.open("wb") as file:
        columns = _columns(owner)
        rows = f"select {columns} from behaviour_event order by id"  # nosec B608
        with owner.copy(f"copy ({rows}) to stdout (format {form})") as copy:
            for part in copy:
                file.write(part)
        return int(owner.rowcount)


def copy_into(table: str, path: Path, form: str) -> float:
    """Seconds that COPY of the file takes, its commit included; the table is emptied before."""
    with as_owner() as owner:
        columns = _columns(owner)
        owner.execute(f"truncate {table}")
    begun = time.perf_counter()
    statement = f"copy {table} ({columns}) from stdin (format {form})"
    with as_owner() as owner, path.open("rb") as file, owner.copy(statement) as copy:
        while piece := file.read(PIECE):
            copy.write(piece)
    return time.perf_counter() - begun


def forget_rows() -> None:
    """Empty what an upload of events fills, and the comparison's tables."""
    with as_owner() as owner:
        owner.execute(EMPTY)
        owner.execute(f"truncate {KEYED}, {BARE}")


def sizes(rows: int) -> tuple[float, dict[str, float]]:
    """Bytes for each stored row with all indexes, and of the table and each index by name."""
    with as_owner() as owner:
        owner.execute(SIZE)
        heap, indexes = owner.fetchone()
        owner.execute(INDEXES)
        parts = {name: size / rows for name, size in owner.fetchall()}
    return (heap + indexes) / rows, {"table": heap / rows, **parts}


def _columns(owner: Any) -> str:
    owner.execute(COLUMNS)
    return str(owner.fetchone()[0])
