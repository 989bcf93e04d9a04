"""What an export holds: every table of the tenant, its people's own ids, its files, a manifest.

All is read inside the tenant's own scope, so the wall that keeps others out shapes the export as
well. Knows no table by name: a model says itself what of it is kept back.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.db import connection, models

from tenants import csv_cells
from tenants.accounts.models import Tenant
from tenants.isolation import depot
from tenants.isolation.models import TenantOwned
from tenants.isolation.names import tenant_folder
from tenants.isolation.scope import tenant_scope
from tenants.subjects.directory import external_ids_of
from tenants.subjects.models import Subject

# Rows of one COPY: a transaction takes seconds, and the lease is renewed in between.
CHUNK = 20_000
PEOPLE = "people.csv"
# Why something is left out; in English, as the manifest is read by whoever takes the data on.
REASONS = {
    "secret": (  # nosec B105 # a sentence
        "A key, or a hash that stands for one: it opens nothing but this installation."
    ),
    "opened": f"Stands in {PEOPLE} in the clear.",
    "unreadable": "Answers kept for a day to be given again; what they did stands in the tables.",
    "no_consent": "Events of people who have not consented to their being kept: only a consent "
    "frees them. The rows say how many there are and until when they wait.",
    "rejected": "Rejected rows of uploads, kept for a week; the upload's page gives them.",
    "waiting": "Requests that were just taken: a moment later what they told stands in the tables.",
    "persons": "Belongs to the persons who sign in, not to the tenant.",
}
# `id` orders a tenant's rows in every one of our tables.
BOUND = "select id from {table} where {after} order by id offset %s limit 1"


def owned_models() -> list[type[models.Model]]:
    """Every model of a tenant's rows, by label."""
    found = (model for model in apps.get_models() if issubclass(model, TenantOwned))
    return sorted(found, key=lambda model: model._meta.label)


def tables() -> list[type[models.Model]]:
    """The models whose tables go into an export: the tenant's own row first."""
    return [Tenant, *(model for model in owned_models() if "*" not in _kept_back(model))]


def left_out() -> list[dict[str, str]]:
    """What an export does not hold, and why, as the manifest says it."""
    found = [
        {"what": f"{model._meta.db_table}.{column}", "why": REASONS[code]}
        for model in owned_models()
        for column, code in _kept_back(model).items()
    ]
    folders = [
        {"what": f"folder {root}", "why": why} for root, why in settings.TENANT_ROOTS.items() if why
    ]
    persons = {"what": "accounts_person", "why": REASONS["persons"]}
    return [{**one, "what": one["what"].replace(".*", "")} for one in found] + [persons, *folders]


def rows_of(model: type[models.Model], tenant_id: UUID) -> Iterator[tuple[bytes, int]]:
    """A table as CSV with a head, in parts: (bytes, rows in them)."""
    table = model._meta.db_table
    held = _kept_back(model)
    columns = [field.column for field in model._meta.local_concrete_fields
               if field.column and field.column not in held]  # fmt: skip
    chosen = ", ".join(_chosen(model, column) for column in columns)
    yield (",".join(columns) + "\n").encode(), 0
    after, last = "true", False
    while not last:
        with tenant_scope(tenant_id):
            bound = _bound(table, after)
            last = bound is None
            until = "true" if last else f"id <= '{bound}'"
            # Names of our own models, and bounds that the database gave us.
            query = f"select {chosen} from {table} where {after} and {until} order by id"  # nosec B608
            part = _copied(query)
        yield part
        after = f"id > '{bound}'"


def _chosen(model: type[models.Model], column: str) -> str:
    """A column as the query names it; a text so that no spreadsheet calculates with it."""
    fields = {field.column: field for field in model._meta.local_concrete_fields}
    is_text = isinstance(fields[column], models.CharField | models.TextField)
    return csv_cells.COLUMN.format(column) if is_text else f'"{column}"'


def _bound(table: str, after: str) -> Any:
    """The key of the last row of the next chunk; None when the rest is no more than one."""
    with connection.cursor() as cursor:
        cursor.execute(BOUND.format(table=table, after=after), [CHUNK - 1])
        row = cursor.fetchone()
    return row[0] if row else None


def _copied(query: str) -> tuple[bytes, int]:
    """The rows of a query as CSV, read through row-level security, and how many they are."""
    with connection.cursor() as cursor:
        with cursor.copy(f"copy ({query}) to stdout (format csv)") as copy:
            content = b"".join(bytes(part) for part in copy)
        return content, cursor.rowcount


def people(tenant_id: UUID) -> Iterator[tuple[bytes, int]]:
    """Which integer stands for which person, by the tenant's own ids; the erased are left out."""
    yield b"subject_id,user_id\n", 0
    last = 0
    while True:
        with tenant_scope(tenant_id):
            subjects = list(Subject.objects.filter(id__gt=last).order_by("id")[:CHUNK])
            known = external_ids_of(subjects)
        if not subjects:
            return
        lines = [csv_cells.csv_line(pair) for pair in known.items()]
        yield b"".join(lines), len(lines)
        last = subjects[-1].id


def files(tenant_id: UUID) -> list[tuple[str, Path]]:
    """The tenant's files that belong into an export: (name in it, path)."""
    found = []
    for name in depot.own_roots():
        folder = tenant_folder(getattr(settings, name), tenant_id)
        if settings.TENANT_ROOTS[name] or not folder.is_dir():
            continue
        # What is still being copied into place bears another name.
        paths = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        inside = [path.relative_to(folder) for path in sorted(paths)]
        found += [
            (f"files/{name.removesuffix('_ROOT').lower()}/{path.as_posix()}", folder / path)
            for path in inside
            if not any(part.endswith(".partial") for part in path.parts)
        ]
    return found


def stored_files(tenant_id: UUID) -> list[tuple[str, tuple[str, ...]]]:
    """The tenant's bundles in the shared store: (name in the export, name in the store).

    What has no manifest does not exist yet. StoreUnreachable.
    """
    if not depot.is_shared():
        return []
    names = sorted(depot.listing(tenant_id, "artifacts"))
    whole = {name.partition("/")[0] for name in names if name.endswith("/manifest.json")}
    return [
        (f"files/artifact/{name}", ("artifacts", *name.split("/")))
        for name in names
        if name.partition("/")[0] in whole
    ]


def _kept_back(model: type[models.Model]) -> dict[str, str]:
    return model.kept_back if issubclass(model, TenantOwned) else {}
