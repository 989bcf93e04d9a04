"""A fair queue: tenants take turns by what they used, over their weight; nobody waits for ever."""

import random
from collections import Counter
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.utils.timezone import now

from tenants.accounts.life import set_limits
from tenants.audit.actor import system
from tenants.work import queue, shares
from tenants.work.kinds import Room, WorkKind
from tenants.work.models import WorkItem, WorkShare
from tests.connections import in_threads

WEIGHTS: dict[UUID, tuple[float, int]] = {}


def share_of(tenant_id: UUID) -> tuple[float, int]:
    return WEIGHTS.get(tenant_id, (1.0, 1))


@pytest.fixture(autouse=True)
def fair(settings):
    """One fair queue of its own; a test says what a tenant weighs."""
    WEIGHTS.clear()
    settings.WORK_SHARE = f"{__name__}.share_of"
    settings.WORK_KINDS = {
        "turn": WorkKind(
            "test", "tests.tenants.work.test_run.nothing", lease=30, attempts=3, fair=True
        )
    }


def tenants(*weights: float) -> list[UUID]:
    made = [uuid4() for _ in weights]
    WEIGHTS.update({each: (weight, 1) for each, weight in zip(made, weights, strict=True)})
    return made


def put(tenant_id: UUID, times: int = 1) -> None:
    for _ in range(times):
        queue.enqueue("turn", tenant_id=tenant_id, object_id=uuid4())


def served(tenant_id: UUID) -> float:
    return WorkShare.objects.get(tenant_id=tenant_id).served


def serve(rounds: int, seconds: random.Random) -> Counter[UUID]:
    """Run the queue so long, each tenant asking for more as it is served; seconds by tenant."""
    used: Counter[UUID] = Counter()
    for _ in range(rounds):
        lease = queue.claim("test")
        took = seconds.uniform(20, 120)
        queue.charge(lease, took)
        queue.finish(lease)
        used[lease.tenant_id] += took
        put(lease.tenant_id)
    return used


@pytest.mark.parametrize("seed", range(3))
def test_equal_tenants_get_equal_seconds_however_long_their_work_and_their_queue(db, seed):
    chance = random.Random(seed)
    for tenant_id in tenants(1, 1, 1, 1, 1):
        put(tenant_id, times=chance.randint(1, 5))
    used = serve(200, chance)
    mean = sum(used.values()) / 5
    assert len(used) == 5
    assert (max(used.values()) - min(used.values())) / mean <= 0.10


def serve_under_fire(rounds: int, chance: random.Random) -> Counter[UUID]:
    """As `serve`, where of ten attempts three are killed midway, by the death of the engine or of
    the worker; real seconds by tenant, those that nobody was left to charge with them."""
    used: Counter[UUID] = Counter()
    left: dict[int, float] = {}
    dead: list[tuple[int, int]] = []
    for turn in range(rounds):
        found = [item for due, item in dead if due == turn]
        WorkItem.objects.filter(pk__in=found).update(lease_until=now() - timedelta(seconds=1))
        queue.reap()
        lease = queue.claim("test")
        needs = left.pop(lease.item_id, chance.uniform(20, 120))
        if chance.random() > 0.3:
            queue.charge(lease, needs)
            used[lease.tenant_id] += needs
            queue.finish(lease)
            put(lease.tenant_id)
            continue
        reached = needs * chance.random()
        queue.charge(lease, reached)
        used[lease.tenant_id] += reached
        left[lease.item_id] = needs - 0.7 * reached  # the rest was not kept
        if chance.random() < 0.5:
            queue.give_back(lease, charge=True)
        else:
            used[lease.tenant_id] += chance.uniform(0, 2)
            dead.append((turn + 4, lease.item_id))
    return used


@pytest.mark.parametrize("seed", range(3))
def test_equal_tenants_get_equal_seconds_though_what_runs_for_them_is_killed(db, seed):
    chance = random.Random(seed)
    for tenant_id in tenants(1, 1, 1, 1, 1):
        put(tenant_id, times=2)
    used = serve_under_fire(200, chance)
    mean = sum(used.values()) / 5
    assert len(used) == 5
    assert (max(used.values()) - min(used.values())) / mean <= 0.10


@pytest.mark.parametrize("seed", range(3))
def test_a_tenant_of_weight_four_gets_four_times_as_much(db, seed):
    large, standard = tenants(4, 1)
    put(large, times=2)
    put(standard, times=5)
    used = serve(200, random.Random(seed))
    assert used[large] / used[standard] == pytest.approx(4, rel=0.1)


def test_the_tenant_that_used_least_comes_first_whoever_asked_first(db):
    first, second = tenants(1, 1)
    put(first, times=2)
    put(second)
    lease = queue.claim("test")
    assert lease.tenant_id == first
    queue.charge(lease, 1.0)
    queue.finish(lease)
    assert queue.claim("test").tenant_id == second


def test_what_has_waited_long_enough_comes_before_everybody_who_used_less(db):
    hungry, newcomer = tenants(1, 1)
    put(hungry)
    put(newcomer, times=2)
    shares.charge(hungry, "test", 3600.0)
    assert queue.claim("test").tenant_id == newcomer
    long_ago = now() - timedelta(seconds=3700 / shares.AGING)
    WorkItem.objects.filter(tenant_id=hungry).update(run_at=long_ago)
    assert queue.claim("test").tenant_id == hungry


def test_nobody_starves_under_an_endless_row_of_newcomers(db):
    (patient,) = tenants(1)
    put(patient)
    shares.charge(patient, "test", 600.0)
    for minute in range(1, 200):
        put(uuid4())
        WorkItem.objects.filter(tenant_id=patient).update(run_at=now() - timedelta(minutes=minute))
        lease = queue.claim("test")
        queue.charge(lease, 60.0)
        queue.finish(lease)
        if lease.tenant_id == patient:
            break
    assert lease.tenant_id == patient


def test_rest_earns_no_credit(db):
    busy, other, rested = tenants(1, 1, 1)
    put(rested)
    queue.finish(queue.claim("test"))
    put(busy)
    put(other)
    shares.charge(busy, "test", 500.0)
    shares.charge(other, "test", 300.0)
    put(rested)
    assert served(rested) == 300.0


def test_whoever_comes_to_an_empty_queue_starts_where_the_foremost_stood(db):
    (before,) = tenants(1)
    put(before)
    lease = queue.claim("test")
    queue.charge(lease, 900.0)
    queue.finish(lease)
    (after,) = tenants(1)
    put(after)
    assert served(after) == 900.0


def test_leaving_clears_no_debt(db):
    hasty, patient = tenants(1, 1)
    put(hasty)
    put(patient)
    lease = queue.claim("test")
    assert lease.tenant_id == hasty
    queue.charge(lease, 400.0)
    queue.finish(lease)
    put(hasty)
    assert (served(hasty), served(patient)) == (400.0, 0.0)


def test_a_tenant_that_runs_its_number_waits_while_others_pass(db):
    wide, narrow = tenants(1, 1)
    WEIGHTS[wide] = (1.0, 2)
    put(wide, times=3)
    put(narrow, times=2)
    taken = [queue.claim("test") for _ in range(4)]
    assert Counter(lease.tenant_id for lease in taken if lease) == {wide: 2, narrow: 1}
    assert taken[3] is None
    queue.finish(taken[0])
    assert queue.claim("test").tenant_id == taken[0].tenant_id


def test_two_free_workers_serve_two_tenants(db):
    """What has just begun has used nothing yet; it counts all the same."""
    wide, other = tenants(1, 1)
    WEIGHTS[wide] = (1.0, 2)
    put(wide, times=2)
    put(other)
    assert {queue.claim("test").tenant_id, queue.claim("test").tenant_id} == {wide, other}


def test_many_workers_never_run_more_of_a_tenant_than_its_number(committed, settings):
    made = [committed(name).tenant.id for name in ("Alice", "Bob")]
    WEIGHTS.update({made[0]: (1.0, 1), made[1]: (1.0, 2)})
    for tenant_id in made:
        with transaction.atomic():
            put(tenant_id, times=6)
    claimed = in_threads([lambda: queue.claim("test")] * 8)
    assert Counter(lease.tenant_id for lease in claimed if lease) == {made[0]: 1, made[1]: 2}


def test_many_workers_run_every_item_once(committed):
    tenant_id = committed("Alice").tenant.id
    WEIGHTS[tenant_id] = (1.0, 3)
    put(tenant_id, times=12)

    def worker() -> list[int]:
        claimed = []
        while WorkItem.objects.filter(tenant_id=tenant_id, state="waiting").exists():
            if lease := queue.claim("test"):
                queue.charge(lease, 1.0)
                queue.finish(lease)
                claimed.append(lease.item_id)
        return claimed

    claimed = [item for items in in_threads([worker] * 4) for item in items]
    assert len(claimed) == len(set(claimed)) == 12
    assert served(tenant_id) == pytest.approx(12.0)


def test_items_that_waited_before_there_were_accounts_are_served_too(db):
    put(tenants(1)[0])
    WorkShare.objects.update(queue="elsewhere")
    assert queue.claim("test") is not None


def test_a_new_plan_weighs_from_the_next_claim_on(alice, settings):
    settings.WORK_SHARE = "tenants.accounts.queries.share_of"
    with alice.scope:
        put(alice.tenant.id)
    share = WorkShare.objects.get(tenant_id=alice.tenant.id)
    assert (share.weight, share.at_once) == (1.0, 1)
    with alice.scope:
        set_limits(plan="large", actor=system("operator"))
    share.refresh_from_db()
    assert (share.weight, share.at_once) == (4.0, 2)


ROOMS: list[Room | None] = []


def room() -> Room | None:
    return ROOMS[-1] if ROOMS else None


@pytest.fixture
def two_slots(settings):
    """This worker has two slots, and one item may take both."""
    settings.WORK_ROOM = f"{__name__}.room"
    ROOMS[:] = [Room(2, 2)]
    yield
    ROOMS.clear()


def put_wide(tenant_id: UUID) -> None:
    queue.enqueue("turn", tenant_id=tenant_id, object_id=uuid4(), slots=2)


@pytest.mark.usefixtures("two_slots", "db")
def test_work_that_needs_two_slots_waits_for_both_and_nothing_overtakes_it():
    first, wide, late = tenants(1.0, 1.0, 1.0)
    put(first)
    running = queue.claim("test")
    put_wide(wide)
    put(late)
    shares.charge(late, "test", 600.0)
    assert queue.claim("test") is None, "one slot is free, and it is kept for whose turn it is"
    queue.finish(running)
    taken = queue.claim("test")
    assert taken is not None and taken.tenant_id == wide
    assert queue.claim("test") is None, "both are taken"
    queue.finish(taken)
    last = queue.claim("test")
    assert last is not None and last.tenant_id == late


@pytest.mark.usefixtures("two_slots", "db")
def test_a_worker_passes_over_what_it_could_never_run():
    wide, narrow = tenants(1.0, 1.0)
    put_wide(wide)
    put(narrow)
    ROOMS[:] = [Room(2, 1)]
    taken = queue.claim("test")
    assert taken is not None and taken.tenant_id == narrow
    assert queue.claim("test") is None
    assert WorkItem.objects.get(tenant_id=wide).state == WorkItem.WAITING


@pytest.mark.usefixtures("two_slots", "db")
def test_slots_that_a_tenant_holds_count_as_served_beforehand():
    both, one = tenants(1.0, 1.0)
    ROOMS[:] = [Room(8, 2)]
    WEIGHTS.update({both: (1.0, 2), one: (1.0, 2)})
    put_wide(both)
    put(one)
    assert {queue.claim("test").tenant_id, queue.claim("test").tenant_id} == {both, one}
    put(both)
    put(one)
    shares.charge(one, "test", shares.BEFOREHAND / 2)
    assert queue.claim("test").tenant_id == one
