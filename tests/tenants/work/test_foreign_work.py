"""Work for one tenant cannot read or write another's rows, whatever object it names."""

from uuid import UUID

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from tenants.behaviour.models import Upload
from tenants.isolation.scope import NoTenantScope, current_tenant
from tenants.work import queue
from tenants.work.kinds import WorkKind
from tenants.work.models import WorkItem
from tenants.work.queue import Lease
from tenants.work.run import run_one, run_waiting
from tests.tenants.isolation.rows import fill_every_table
from tests.test_access_matrix import counts
from training.jobs.models import Job

OBJECTS = {"upload": Upload, "job": Job}


@pytest.mark.parametrize("kind", sorted(settings.WORK_KINDS))
def test_s36_work_of_alice_that_names_an_object_of_bob_changes_nothing_of_bob(alice, bob, kind):
    with bob.scope:
        rows = fill_every_table()
        foreign = rows[OBJECTS[kind]].pk if kind in OBJECTS else bob.tenant.id
    before = counts(bob)
    queue.enqueue(kind, tenant_id=alice.tenant.id, object_id=foreign)
    lease = queue.claim(settings.WORK_KINDS[kind].queue)
    assert (lease.tenant_id, lease.object_id) == (alice.tenant.id, foreign)
    run_one(lease)
    assert counts(bob) == before
    with pytest.raises(NoTenantScope):
        current_tenant()


SEEN: list[UUID] = []


def look(lease: Lease) -> None:
    with pytest.raises(NoTenantScope):
        current_tenant()
    SEEN.append(lease.tenant_id)
    queue.finish(lease)


def test_a_worker_holds_no_scope_between_two_tenants(alice, bob, settings):
    SEEN.clear()
    settings.WORK_KINDS = {"it": WorkKind("test", f"{__name__}.look", lease=30, attempts=3)}
    for business in (alice, bob):
        queue.enqueue("it", tenant_id=business.tenant.id, object_id=business.tenant.id)
    assert run_waiting("test") == 2
    assert [alice.tenant.id, bob.tenant.id] == SEEN
    assert set(WorkItem.objects.values_list("state", flat=True)) == {WorkItem.DONE}


def test_every_worker_function_takes_its_tenant_from_the_lease_alone():
    for kind in settings.WORK_KINDS.values():
        for name in filter(None, (kind.run, kind.crashed)):
            assert import_string(name).__code__.co_argcount == 1


@pytest.mark.parametrize("kind", sorted(k for k, v in settings.WORK_KINDS.items() if v.crashed))
def test_s36_work_that_ends_for_good_ends_nothing_of_another_tenant(alice, bob, kind):
    """Isolation holds at the hard stop, too."""
    with bob.scope:
        foreign = fill_every_table()[Upload].pk
        states = list(Upload.objects.values_list("state", flat=True))
    queue.enqueue(kind, tenant_id=alice.tenant.id, object_id=foreign)
    WorkItem.objects.update(attempts=100)
    assert run_one(queue.claim(settings.WORK_KINDS[kind].queue))
    assert WorkItem.objects.get(object_id=foreign).code == "crashed"
    with bob.scope:
        assert list(Upload.objects.values_list("state", flat=True)) == states
