"""The one way into a tenant's rows: a transaction in which the database knows the tenant.

Outside a scope every query on a tenant's table raises (see `policies.py`). A scope is a
transaction, so it is entered for the length of a request or a batch, never around training.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction

_tenant: ContextVar[UUID | None] = ContextVar("tenant", default=None)
_person: ContextVar[UUID | None] = ContextVar("person", default=None)
_sign_in: ContextVar[str | None] = ContextVar("sign_in", default=None)
Value = TypeVar("Value", UUID, str)


class NoTenantScope(RuntimeError):
    """Work that belongs to a tenant was started outside `tenant_scope`."""


def current_tenant() -> UUID:
    """The tenant of the scope we are in; NoTenantScope outside one."""
    tenant_id = _tenant.get()
    if tenant_id is None:
        raise NoTenantScope("enter tenant_scope(tenant_id) first")
    return tenant_id


@contextmanager
def tenant_scope(tenant_id: UUID) -> Iterator[None]:
    """Open a transaction that sees and writes the rows of `tenant_id`, and of nobody else."""
    with _scope("app.tenant_id", _tenant, lambda: _set_local("app.tenant_id", tenant_id)):
        yield


@contextmanager
def person_scope(person_id: UUID) -> Iterator[None]:
    """Open a transaction that sees one person and their memberships, before a tenant is chosen."""
    with _scope("app.person_id", _person, lambda: _set_local("app.person_id", person_id)):
        yield


@contextmanager
def sign_in_scope(email: str) -> Iterator[None]:
    """Open a transaction that sees and may make the one person with this address, and nobody else.

    For what comes before anybody is signed in. An empty address sees nothing.
    """
    address = email.strip().lower() or "-"
    with _scope("app.sign_in", _sign_in, lambda: _set_local("app.sign_in", address)):
        yield


@contextmanager
def scope_opened_by(opening: Callable[[], UUID | None]) -> Iterator[None]:
    """The scope of the tenant that `opening` has entered in the database itself; None: no scope.

    For a statement that finds the tenant and enters it in one round trip.
    """
    with _scope("app.tenant_id", _tenant, opening):
        yield


@contextmanager
def _scope(
    setting: str, variable: ContextVar[Value | None], opening: Callable[[], Value | None]
) -> Iterator[None]:
    """Let `opening` make one transaction-local setting; give the one before back on the way out."""
    nested = connection.in_atomic_block
    previous = variable.get()
    with transaction.atomic():
        entered = opening()
        if entered is None:
            yield
            return
        token = variable.set(entered)
        try:
            yield
        finally:
            variable.reset(token)
        # A released savepoint keeps transaction-local settings, so an outer scope would go on
        # with our tenant. A rollback restores them by itself, as does the outermost commit.
        if nested and not connection.needs_rollback:
            _set_local(setting, previous)


def _set_local(setting: str, value: Value | None) -> Value | None:
    with connection.cursor() as cursor:
        cursor.execute("select set_config(%s, %s, true)", [setting, str(value) if value else ""])
    return value
