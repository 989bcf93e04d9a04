"""A tenant's table of event types: read often, changed seldom and one type at a time.

Each process keeps the tables it read for SECONDS, so that no answer and no streamed event asks the
database for them: a change reaches other processes that late. A code that a kept table does not
know is looked up at once, so that a stored event always has its type.
"""

import time
from collections.abc import Iterable
from math import isfinite
from uuid import UUID

from django.db import connection, transaction

from tenants.audit.actor import Actor
from tenants.audit.events import AuditEvent
from tenants.audit.record import record
from tenants.behaviour.columns.schema import FIRST_OWN, EventType, plain_name
from tenants.behaviour.models import TenantEventType
from tenants.behaviour.types.type_table import DEFAULTS, TypeTable, laid
from tenants.errors import AppError
from tenants.isolation.scope import current_tenant, tenant_scope

SECONDS = 5.0
KEPT = 2_000  # tables
NAME_LENGTH = 60
MOST_ALIASES = 30
MOST_OWN = 100
ALONE = "select pg_advisory_xact_lock(hashtextextended('event types' || app_tenant()::text, 0))"

_kept: dict[UUID, tuple[float, TypeTable]] = {}


def event_types(codes: Iterable[int] = ()) -> TypeTable:
    """The table of the tenant in scope; it knows these `codes`, see `event_types_of`."""
    return event_types_of(current_tenant(), codes)


def event_types_of(tenant_id: UUID, codes: Iterable[int] = ()) -> TypeTable:
    """The table of a tenant, whatever scope is entered; at most SECONDS old, newer where an older
    one lacks one of the `codes` that events bear.
    """
    at, table = _kept.get(tenant_id, (0.0, DEFAULTS))
    if time.monotonic() < at + SECONDS and not set(codes) - table.by_code.keys():
        return table
    with tenant_scope(tenant_id):
        table = stored_types()
    if len(_kept) >= KEPT:
        _kept.clear()
    _kept[tenant_id] = time.monotonic(), table
    return table


def stored_types() -> TypeTable:
    """The table of the tenant in scope as it is stored now."""
    return TypeTable.over_defaults(
        EventType(row.name, row.code, row.weight, row.trade, tuple(row.aliases))
        for row in TenantEventType.objects.order_by("code")
    )


@transaction.atomic
def set_event_type(
    *, name: str, weight: float, trade: bool, aliases: Iterable[str], actor: Actor
) -> EventType:
    """Change the type of this name, or make one where none has it; `aliases` are the further names
    that files bring, beside those of the default table. A type that moves goods by default goes on
    to do so.

    The weight counts from the next answer and the next freezing on. AppError `bad_event_type`,
    `type_name_taken`, `too_many_types`.
    """
    name = " ".join(name.split())
    others = list(dict.fromkeys(" ".join(alias.split()) for alias in aliases if alias.strip()))
    _check(name, weight, others)
    with connection.cursor() as cursor:
        cursor.execute(ALONE)
    table = stored_types()
    found = _named(table, name)
    code = found.code if found else _next_code(table)
    usual = DEFAULTS.by_code.get(code)
    if found:
        name = found.name
    if usual:
        others = [alias for alias in others if alias not in usual.aliases]
        trade = usual.trade
    _refuse_taken(table, code, (name, *others))
    row, _ = TenantEventType.objects.update_or_create(
        code=code,
        defaults={"name": name, "weight": weight, "trade": trade, "aliases": others},
    )
    record(
        AuditEvent.EVENT_TYPE_SET,
        actor=actor,
        object_id=str(code),
        details={"type": name, "weight": weight, "trade": trade, "aliases": others},
    )
    tenant_id = current_tenant()
    _kept.pop(tenant_id, None)
    transaction.on_commit(lambda: _kept.pop(tenant_id, None))
    return EventType(name, code, row.weight, row.trade, tuple(others))


def _named(table: TypeTable, name: str) -> EventType | None:
    """The type of this name, however it is spelled; an alias is no name."""
    plain = plain_name(name)
    return next((kind for kind in table.types if plain_name(kind.name) == plain), None)


def _next_code(table: TypeTable) -> int:
    """One that no type has had: rows are never deleted."""
    own = [kind.code for kind in table.types if kind.own]
    if len(own) >= MOST_OWN:
        raise AppError(
            "too_many_types", f"There are {MOST_OWN} types of your own. Use one of them.",
            param="name", params={"most": MOST_OWN},
        )  # fmt: skip
    return max(own, default=FIRST_OWN - 1) + 1


def _check(name: str, weight: float, aliases: list[str]) -> None:
    words = (name, *aliases)
    readable = all(
        len(word) <= NAME_LENGTH and plain_name(word) and word.isprintable() for word in words
    )
    if not readable or len(aliases) > MOST_ALIASES:
        raise AppError(
            "bad_event_type",
            f"Give a name of letters or digits, up to {NAME_LENGTH} characters, and at most "
            f"{MOST_ALIASES} further names.",
            param="name",
            params={"length": NAME_LENGTH, "most": MOST_ALIASES},
        )
    if not isfinite(weight) or weight == 0 or abs(weight) > 1:
        raise AppError(
            "bad_weight", "Give a weight from -1 to 1 that is not 0.", param="weight"
        )  # fmt: skip


def _refuse_taken(table: TypeTable, code: int, words: Iterable[str]) -> None:
    """No word may name two types; one of the default table's further names a tenant may take."""
    taken = {
        plain_name(word): kind.name
        for kind in table.types
        if kind.code != code
        for word in (kind.name, *laid(kind))
    }
    for word in words:
        if (owner := taken.get(plain_name(word))) is not None:
            raise AppError(
                "type_name_taken", f"'{word}' names the type {owner} already.",
                param="aliases", params={"name": word, "type": owner},
            )  # fmt: skip
