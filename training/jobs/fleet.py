"""The fleet as one tenant may see it: devices, slots, its own jobs, and how many others there are.

Of other tenants nothing leaves this module but counts, and the times that follow from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils.timezone import now

from tenants.isolation.scope import current_tenant
from tenants.work.models import WorkItem, WorkShare
from training.jobs.devices import MISSED
from training.jobs.foreseeing import Machine, Running, Turn, Waiting, turns
from training.jobs.models import Device, Job


@dataclass(frozen=True)
class Place:
    """A device with what it runs: own jobs, and how many of others. `free` is 0 once missed."""

    device: Device
    missed: bool
    own: tuple[Job, ...]
    others: int
    free: int


@dataclass(frozen=True)
class InLine:
    """An own job that waits; place and start are None where no slot will take it yet. seconds: for
    how long it will hold its slots, about."""

    job: Job
    place: int | None
    starts_at: datetime | None
    seconds: float


@dataclass(frozen=True)
class Fleet:
    """All that the page shows. `others_waiting` counts other tenants' jobs in the line."""

    places: tuple[Place, ...]
    line: tuple[InLine, ...]
    others_waiting: int


def fleet() -> Fleet:
    """The fleet as the tenant in scope may see it now."""
    moment = now()
    devices = list(Device.objects.order_by("id"))
    running = list(_items(WorkItem.RUNNING))
    waiting = list(_items(WorkItem.WAITING).order_by("run_at", "id"))
    jobs = _own_jobs([*running, *waiting])
    places = tuple(_place(device, running, jobs, moment) for device in devices)
    found = _turns(places, running, waiting, moment)
    own = [item for item in waiting if item.object_id in jobs]
    line = []
    for item in own:
        turn = found.get(item.pk)
        at = moment + timedelta(seconds=turn.seconds) if turn else None
        place = turn.place if turn else None
        line.append(InLine(jobs[item.object_id], place, at, item.expected))
    line.sort(key=lambda each: (each.place is None, each.place))
    return Fleet(places, tuple(line), len(waiting) - len(own))


def _turns(
    places: Iterable[Place], running: list[WorkItem], waiting: list[WorkItem], moment: datetime
) -> dict[int, Turn]:
    """The turns of all that waits, on the machines that are there."""
    here = [place.device for place in places if not place.missed]
    number = {device.owner: place for place, device in enumerate(here)}
    return turns(
        [Machine(device.slots, device.widest) for device in here],
        [
            Running(item.tenant_id, item.expected, number.get(item.lease_owner, -1), item.slots)
            for item in running
        ],
        _with_accounts(waiting, moment),
    )


def _items(state: str) -> QuerySet[WorkItem]:
    return WorkItem.objects.filter(queue=settings.WORK_KINDS["job"].queue, kind="job", state=state)


def _own_jobs(items: Iterable[WorkItem]) -> dict[UUID, Job]:
    """The jobs of the tenant in scope among these items, by id; the wall keeps the others out."""
    mine = [item.object_id for item in items if item.tenant_id == current_tenant()]
    return Job.objects.in_bulk(mine)


def _place(
    device: Device, running: Iterable[WorkItem], jobs: dict[UUID, Job], moment: datetime
) -> Place:
    missed = device.last_seen < moment - MISSED
    held = [item for item in running if item.lease_owner == device.owner]
    own = tuple(jobs[item.object_id] for item in held if item.object_id in jobs)
    free = 0 if missed else max(0, device.slots - sum(item.slots for item in held))
    return Place(device, missed, own, len(held) - len(own), free)


def _with_accounts(waiting: Iterable[WorkItem], moment: datetime) -> list[Waiting]:
    shares = {
        share.tenant_id: share
        for share in WorkShare.objects.filter(queue=settings.WORK_KINDS["job"].queue)
    }
    found = []
    for item in waiting:
        share = shares.get(item.tenant_id, WorkShare())
        waited = (moment - item.run_at).total_seconds()
        account = (share.served, share.weight, share.at_once)
        line = (item.pk, item.tenant_id, item.expected, waited, *account, item.slots)
        found.append(Waiting(*line))
    return found
