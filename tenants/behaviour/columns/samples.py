"""A small file of each kind that may be uploaded, as CSV, JSON Lines or Parquet: what a reader of
the schema page downloads, fills with their own rows and sends back.

Its columns are those of `schema`, in their order; the cells stand here, three rows for each. The
consent records are of the people of the events; they name the notice `privacy`, version 1.
"""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import polars as pl

from tenants.behaviour.columns.schema import CONSENTS, EVENT_TYPES, EVENTS, ITEMS, KINDS, UploadKind
from tenants.consent.vocabulary import (
    PURPOSES,
    AgeBand,
    CollectionMethod,
    ConsentEvent,
    LawfulBasis,
)
from tenants.csv_cells import csv_line

ROWS = 3
Cells = tuple[str, str, str]
NOTHING: Cells = ("", "", "")

CELLS: dict[UploadKind, dict[str, Cells]] = {
    EVENTS: {
        "user_id": ("customer-17", "customer-17", "customer-42"),
        "item_id": ("mug-blue", "mug-blue", "lamp-oak"),
        "type": ("view", "purchase", "add_to_cart"),
        "occurred_at": ("2024-05-31T14:28:00Z", "2024-05-31T14:30:00Z", "2024-06-01T09:15:00Z"),
        "value": ("", "25.98", ""),
        "quantity": ("", "2", "1"),
        "price": ("12.99", "12.99", "79"),
        "order_id": ("", "order-1001", ""),
        "event_id": ("evt-0001", "evt-0002", "evt-0003"),
        "item_title": ("Blue mug", "Blue mug", "Oak lamp"),
        "item_category": ("Kitchen", "Kitchen", "Lights"),
    },
    ITEMS: {
        "item_id": ("mug-blue", "mug-red", "lamp-oak"),
        "title": ("Blue mug", "Red mug", "Oak lamp"),
        "text": ("Holds 350 ml, safe in the dishwasher.", "", "Warm light, oak and linen."),
        "category": ("Kitchen", "Kitchen", "Lights"),
        "price": ("12.99", "12.99", "79"),
        "available": ("true", "false", "true"),
        "attributes": ('{"colour": "blue"}', '{"colour": "red"}', ""),
    },
    CONSENTS: {
        "user_id": ("customer-17", "customer-42", "customer-42"),
        "purpose": ("personalised_recommendation", "personalised_recommendation", "marketing"),
        "event": ("given", "given", "refused"),
        "event_time": ("2024-05-01T09:00:00Z", "2024-05-02T18:45:00Z", "2024-05-02T18:45:00Z"),
        "lawful_basis": ("consent", "consent", ""),
        "notice_id": ("privacy", "privacy", "privacy"),
        "notice_version": ("1", "1", "1"),
        "notice_lang": ("en", "en", "en"),
        "collection_method": ("web_form", "app", "app"),
        "jurisdiction": ("GB", "DE-BY", "DE-BY"),
        "jurisdiction_source": ("delivery_address", "account", "account"),
        "age_band": ("adult", "adult", ""),
        "record_id": ("consent-0001", "consent-0002", "consent-0003"),
        "sensitive": ("false", "false", "false"),
        "evidence": ("Checkbox on the order page", "", ""),
    },
}
# What a column may look like that the three rows leave empty.
SHOWN: dict[UploadKind, dict[str, str]] = {
    EVENTS: {
        "consent_record_id": "consent-0001",
        "purposes": "analytics|model_training",
        "withheld": "marketing",
        "consent_time": "2024-05-01T09:00:00Z",
    },
    ITEMS: {},
    CONSENTS: {
        "notice_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "ui_variant": "banner-b",
        "expires_at": "2026-05-01T09:00:00Z",
        "retention_until": "2029-05-01T09:00:00Z",
        "guardian_record_id": "consent-0009",
        "supersedes": "consent-0000",
        "pii_categories": "purchases|views",
        "recipients": "mail-service",
        "storage_country": "DE",
        "transfer_mechanism": "Standard contractual clauses",
        "withdrawal_method": "Link in every mail",
    },
}
# The words that a column may hold, where it takes no others.
CHOICES: dict[UploadKind, dict[str, list[str]]] = {
    EVENTS: {
        "type": [kind.name for kind in EVENT_TYPES],
        "purposes": PURPOSES,
        "withheld": PURPOSES,
    },
    ITEMS: {"available": ["true", "false"]},
    CONSENTS: {
        "purpose": PURPOSES,
        "event": [event.value for event in ConsentEvent],
        "lawful_basis": [basis.value for basis in LawfulBasis],
        "collection_method": [method.value for method in CollectionMethod],
        "age_band": [band.value for band in AgeBand],
        "sensitive": ["true", "false"],
    },
}


def example_of(kind: UploadKind, column: str) -> str:
    """One cell as a file may hold it."""
    cells = CELLS[kind].get(column, NOTHING)
    return next((cell for cell in cells if cell), SHOWN[kind].get(column, ""))


def sample(kind: str, form: str) -> bytes:
    """The sample of a kind (a name in KINDS) in a form (a name in FORMS)."""
    return FORMS[form](KINDS[kind])


def _texts(kind: UploadKind) -> pl.DataFrame:
    cells = CELLS[kind]
    return pl.DataFrame({column.name: cells.get(column.name, NOTHING) for column in kind.columns})


def _values(kind: UploadKind) -> pl.DataFrame:
    """The rows with numbers, times and flags as such; what is empty is null."""
    return _texts(kind).select(
        READ.get(column.type, _as_text)(pl.col(column.name).replace("", None))
        for column in kind.columns
    )


def _as_text(cells: pl.Expr) -> pl.Expr:
    return cells


READ: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "number": lambda cells: cells.cast(pl.Float64),
    "flag": lambda cells: cells == "true",
    "time": lambda cells: cells.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us").dt
    .replace_time_zone("UTC"),
}  # fmt: skip


def _csv(kind: UploadKind) -> bytes:
    texts = _texts(kind)
    return b"".join(csv_line(row) for row in (texts.columns, *texts.iter_rows()))


def _parquet(kind: UploadKind) -> bytes:
    file = BytesIO()
    _values(kind).write_parquet(file)
    return file.getvalue()


def _json_lines(kind: UploadKind) -> bytes:
    """One object per line, without what is empty."""
    types = {column.name: column.type for column in kind.columns}
    lines = (
        {name: _plain(types[name], cell) for name, cell in row.items() if cell}
        for row in _texts(kind).iter_rows(named=True)
    )
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines).encode()


def _plain(type_: str, cell: str) -> Any:
    return json.loads(cell) if type_ in ("number", "flag", "json") else cell


FORMS: dict[str, Callable[[UploadKind], bytes]] = {
    "csv": _csv,
    "jsonl": _json_lines,
    "parquet": _parquet,
}
