"""The end of a tenant whose grace is over: everything of it goes, but for the seals of its log.

In small transactions, each of which first locks the tenant's line in the register, so that two
workers cannot both be at it and a killed one is followed by the next minute's. The database lets
the append-only tables go only because that line says that the time is over.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from graphlib import TopologicalSorter
from uuid import UUID

from django.conf import settings
from django.db import connection, models
from django.db.models.functions import Now

from tenants.accounts import persons
from tenants.accounts.life import turn
from tenants.accounts.models import Member, Tenant
from tenants.audit.actor import system
from tenants.audit.checkpoints import whole_log
from tenants.audit.events import AuditEvent
from tenants.audit.linking import link_waiting
from tenants.audit.models import Seal
from tenants.audit.record import record
from tenants.departure import shared
from tenants.departure.contents import owned_models
from tenants.errors import Conflict
from tenants.isolation import depot
from tenants.isolation.models import KnownTenant, TenantForeignKey
from tenants.isolation.names import tenant_folder
from tenants.isolation.scope import tenant_scope
from tenants.work.models import WorkItem, WorkShare

logger = logging.getLogger(__name__)
ACTOR = system("departure")
# What stays: without a tenant beside them, roots over hashes that say nothing of anybody.
STAYS = Seal
STREAM = "log"
BATCH = 10_000
MEMBERS = 100


class _Elsewhere(Exception):
    """Another worker is at this tenant, or it is finished already."""


def finish_due() -> int:
    """End every tenant whose time is over; how many are gone. One's trouble stops no other."""
    due = KnownTenant.objects.filter(closes_at__lte=Now()).values_list("tenant_id", flat=True)
    done = 0
    for tenant_id in list(due):
        try:
            done += finish(tenant_id)
        except Exception:  # whatever broke here, the next minute goes on where this one stopped
            logger.exception("finishing tenant %s", tenant_id)
    return done


def finish_tenant(tenant_id: UUID) -> bool:
    """`finish`, for whoever asks by hand: Conflict also grace_not_over, before the time."""
    if not KnownTenant.objects.filter(pk=tenant_id, closes_at__lte=Now()).exists():
        raise Conflict("grace_not_over", "This tenant's time is not over, or there is no such one.")
    return finish(tenant_id)


def finish(tenant_id: UUID) -> bool:
    """Delete what is left of the tenant; False when another worker is at it.

    Conflict tenant_not_closing where only the register says so: the tenant's own row must agree.
    """
    try:
        _seal_log(tenant_id)
        _empty_members(tenant_id)
        for model in deletion_order():
            _empty(tenant_id, model)
        _destroy_outside(tenant_id)
        _close_the_door(tenant_id)
    except _Elsewhere:
        return False
    return True


def deletion_order() -> list[type[models.Model]]:
    """Every table to be emptied, each before those that its rows refer to."""
    owned = [model for model in owned_models() if model is not STAYS]
    graph: dict[type[models.Model], set[type[models.Model]]] = {model: set() for model in owned}
    for model in owned:
        for target in _targets(model) - {model}:
            graph.setdefault(target, set()).add(model)
    return [model for model in TopologicalSorter(graph).static_order() if model is not STAYS]


def _targets(model: type[models.Model]) -> set[type[models.Model]]:
    return {
        field.related_model
        for field in model._meta.local_fields
        if isinstance(field, TenantForeignKey)
    }


@contextmanager
def _step(tenant_id: UUID) -> Iterator[None]:
    """A transaction in the tenant's scope that holds its line in the register, its time over."""
    with tenant_scope(tenant_id):
        due = KnownTenant.objects.filter(pk=tenant_id, closes_at__lte=Now())
        if due.select_for_update(skip_locked=True).first() is None:
            raise _Elsewhere
        yield


def _seal_log(tenant_id: UUID) -> None:
    """The last entry, and one root over all of them: what whoever holds a copy can check it by.

    From here on nobody writes for this tenant: leased work finds its lease gone, pages and keys
    know it no more.
    """
    with _step(tenant_id):
        tenant = Tenant.objects.filter(pk=tenant_id).first()
        if tenant is None or tenant.resting not in Tenant.ENDING:
            raise Conflict("tenant_not_closing", "The register ends it, its own row does not.")
        if tenant.resting == Tenant.CLOSED:
            return
        WorkItem.objects.filter(tenant_id=tenant_id).delete()
        while link_waiting():
            continue
        record(AuditEvent.TENANT_FINISHED, actor=ACTOR, object_id=tenant.public_id, numbered=True)
        log = whole_log()
        Seal.objects.create(stream=STREAM, count=log.size, root=log.root())
        turn(tenant, {tenant.resting: Tenant.CLOSED})


def _empty_members(tenant_id: UUID) -> None:
    """Members, and the persons who are thereby nobody's, in the same transaction."""
    while True:
        with _step(tenant_id):
            members = list(Member.objects.all()[:MEMBERS])
            Member.objects.filter(pk__in=[member.pk for member in members]).delete()
            persons.forget({member.person_id for member in members})
        if len(members) < MEMBERS:
            return


def _empty(tenant_id: UUID, model: type[models.Model]) -> None:
    with _step(tenant_id):
        _untie(model)
    while True:
        with _step(tenant_id):
            deleted = _delete(model, limit=BATCH)
        if deleted < BATCH:
            return


def _untie(model: type[models.Model]) -> None:
    """Rows that refer to rows of their own table: no batch may wait for another."""
    for field in model._meta.local_fields:
        if isinstance(field, TenantForeignKey) and field.related_model is model:
            model._default_manager.exclude(**{field.name: None}).update(**{field.name: None})


def _delete(model: type[models.Model], limit: int | None = None) -> int:
    """Delete rows of the tenant in scope, at most `limit`; how many. The wall spares all others."""
    table = model._meta.db_table
    # A table's name is our own model's, the limit a constant: nothing here comes from outside.
    batch = f" where ctid = any(array(select ctid from {table} limit {limit}))"  # nosec B608
    chosen = batch if limit else ""
    with connection.cursor() as cursor:
        cursor.execute(f"delete from {table}{chosen}")  # nosec B608 # see above
        return int(cursor.rowcount)


def _destroy_outside(tenant_id: UUID) -> None:
    """What is no row: folders and shared names, which all bear the tenant's id. Other machines'
    copies follow within the hour, by the register."""
    if depot.is_shared():
        depot.remove(tenant_id)
    for root in settings.TENANT_ROOTS:
        folder = tenant_folder(getattr(settings, root), tenant_id)
        if folder.is_dir():
            shutil.rmtree(folder)
    shared.forget(tenant_id)


def _close_the_door(tenant_id: UUID) -> None:
    """Whatever was still written, the tenant, and last its line in the register."""
    with _step(tenant_id):
        for model in deletion_order():
            _delete(model)
        for shared in (WorkItem, WorkShare):
            shared.objects.filter(tenant_id=tenant_id).delete()
        Tenant.objects.filter(pk=tenant_id).delete()
        KnownTenant.objects.filter(pk=tenant_id).delete()
