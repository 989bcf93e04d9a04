"""Which of a file's columns is which of ours: the caller's word first, then names and aliases.

A saved mapping is a plain dict {our name: their name}; an empty name says: read no such column. In
a file of events `context.KEY` keeps a column as context; nothing is proposed for it. In a file of
items `attributes.KEY` keeps one as an attribute, and every unread column is proposed for that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenants.behaviour.columns import event_context, item_attributes
from tenants.behaviour.columns.event_context import check_keys, is_context
from tenants.behaviour.columns.item_attributes import is_attribute
from tenants.behaviour.columns.options import UploadOptions, check_type
from tenants.behaviour.columns.schema import EVENTS, ITEMS, KINDS, Column, UploadKind, plain_name
from tenants.behaviour.reading.csv_head import DELIMITERS
from tenants.behaviour.refusals import UploadRefused, shown
from tenants.behaviour.types.type_table import DEFAULTS, TypeTable

# The first heading of a file of rejected rows: one that has it is sent again after repair.
REPAIRED = "attune_row"
# Kinds whose files may bring more than our columns: how such a field reads, and which it is.
MORE: dict[str, tuple[str, Callable[[str], bool]]] = {
    EVENTS.name: (f"{event_context.PREFIX}KEY", is_context),
    ITEMS.name: (f"{item_attributes.PREFIX}KEY", is_attribute),
}


@dataclass(frozen=True)
class Plan:
    """How one file is read: its kind, the mapping in force, the columns left unread, options, and
    the tenant's event types. Of a `repaired` file the cells were escaped by `csv_cells`.
    """

    kind: UploadKind
    mapping: Mapping[str, str]
    unread: tuple[str, ...]
    options: UploadOptions
    types: TypeTable = DEFAULTS
    repaired: bool = False

    @property
    def columns(self) -> list[str]:
        """The file's columns to read, each once."""
        return list(dict.fromkeys(self.mapping.values()))

    def to_plain(self) -> dict[str, Any]:
        """The plan as JSON-able values, for the report and for the next file of its kind."""
        return {
            "kind": self.kind.name,
            "mapping": dict(self.mapping),
            "unread": list(self.unread),
            "options": self.options.to_plain(),
        }


def make_plan(
    kind: str,
    columns: Sequence[str],
    *,
    mapping: Mapping[str, str] | None = None,
    options: UploadOptions | None = None,
    types: TypeTable = DEFAULTS,
) -> Plan:
    """Settle which column is which.

    Raises UploadRefused: unknown_kind, unknown_field, column_not_found, missing_columns,
    one_column, too_much_context, bad_option.
    """
    if kind not in KINDS:
        raise UploadRefused("unknown_kind", param="kind", kind=kind, kinds=", ".join(KINDS))
    options = options or UploadOptions()
    check_type(options, types)
    settled = settle(KINDS[kind], columns, mapping or {})
    require(KINDS[kind], columns, settled, options)
    read = set(settled.values())
    return Plan(
        KINDS[kind],
        settled,
        tuple(name for name in columns if name not in read),
        options,
        types,
        repaired=REPAIRED in columns,
    )


def settle(kind: UploadKind, columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """The mapping of this file: what the caller named, and proposals for all other fields."""
    ours = [column.name for column in kind.columns]
    more, is_more = MORE.get(kind.name, ("", lambda field: False))
    check_keys(given)
    item_attributes.check_keys(given)
    for field, theirs in given.items():
        if field not in ours and not is_more(field):
            fields = ", ".join(filter(None, (*ours, more)))
            raise UploadRefused("unknown_field", param="mapping", field=field, fields=fields)
        if theirs and theirs not in columns:
            raise UploadRefused(
                "column_not_found", param="mapping", field=field, column=theirs,
                found=shown(columns),
            )  # fmt: skip
    free = [name for name in columns if name not in given.values()]
    proposed = propose(tuple(one for one in kind.columns if one.name not in given), free)
    settled = {name: theirs for name, theirs in ({**proposed, **given}).items() if theirs}
    if kind is not ITEMS:
        return settled
    left = [name for name in free if name not in proposed.values()]
    return settled | item_attributes.proposed(left, given)


def propose(ours: Sequence[Column], columns: Sequence[str]) -> dict[str, str]:
    """Match columns by name, then by alias in the order of the table; no column serves twice."""
    theirs: dict[str, str] = {}
    for name in columns:
        theirs.setdefault(plain_name(name), name)
    found: dict[str, str] = {}
    for spellings in (own_name, aliases):
        for column in ours:
            taken = {None, *found.values()}
            free = [theirs[name] for name in spellings(column) if theirs.get(name) not in taken]
            if column.name not in found and free:
                found[column.name] = free[0]
    return found


def own_name(column: Column) -> tuple[str, ...]:
    """Our own name of the column, as headings are compared."""
    return (plain_name(column.name),)


def aliases(column: Column) -> tuple[str, ...]:
    """The other names of the column."""
    return column.aliases


def require(
    kind: UploadKind,
    columns: Sequence[str],
    mapping: Mapping[str, str],
    options: UploadOptions,
) -> None:
    """Refuse a file that lacks a required column; a default type stands in for a type column."""
    missing = [one.name for one in kind.columns if one.required and one.name not in mapping]
    if kind is EVENTS and "type" not in mapping and options.default_type is None:
        missing.append("type")
    if missing:
        one = len(columns) == 1 and any(mark in columns[0] for mark in DELIMITERS)
        raise UploadRefused(
            "one_column" if one else "missing_columns",
            param="mapping",
            missing=", ".join(missing),
            found=shown(columns),
        )
