"""What the installation computes on: each worker of jobs says what it is and that it is there."""

import functools
import json
import platform
import socket
import subprocess
import sys
from datetime import timedelta

from django.utils.timezone import now

from tenants.errors import AppError
from tenants.work.kinds import Room
from tenants.work.owners import this_worker
from training.jobs.models import Device

# A worker tells so often, is missed after so long, and forgotten after a day.
TELL_SECONDS = 15.0
MISSED, FORGOTTEN = timedelta(seconds=60), timedelta(days=1)

# In a process of its own: a worker that has loaded torch would hold its memory for ever. It takes
# seconds to load, and finds nothing where no driver is: NVIDIA's library, AMD's device.
PROBE = """
import ctypes, json, os
def driven():
    try:
        return bool(ctypes.CDLL("libcuda.so.1"))
    except OSError:
        return os.path.exists("/dev/kfd")
found = False
if driven():
    import torch
    found = torch.cuda.is_available()
device = "cuda:0" if found else "cpu"
count = torch.cuda.device_count() if found else 0
print(json.dumps([device, torch.cuda.get_device_name(0) if found else "", count]))
"""
PROBE_SECONDS = 120


@functools.cache
def probe() -> tuple[str, str, int]:
    """(device, model, GPUs) that the engine finds on this machine; asked once in a process."""
    done = subprocess.run(  # nosec B603 # words of our own, no shell
        [sys.executable, "-c", PROBE], capture_output=True, check=True, timeout=PROBE_SECONDS
    )
    device, model, gpus = json.loads(done.stdout)
    return device, model or platform.processor() or platform.machine(), gpus


def tell(worker: str, slots: int) -> None:
    """Say that this process, a worker of that name with so many slots, is there."""
    device, model, gpus = probe()
    moment = now()
    Device.objects.update_or_create(
        worker=worker,
        defaults={
            "owner": this_worker(),
            "host": socket.gethostname(),
            "device": device,
            "model": model,
            "slots": slots,
            "gpus": gpus,
            "last_seen": moment,
        },
    )
    Device.objects.filter(last_seen__lt=moment - FORGOTTEN).delete()


def leave(worker: str) -> None:
    """The worker ends as it should: it is not missed."""
    Device.objects.filter(worker=worker, owner=this_worker()).delete()


def of_this_worker() -> str:
    """The device that this process told of, as the engine names it; "" before it did."""
    found = Device.objects.filter(owner=this_worker()).values_list("device", flat=True).first()
    return found or ""


def room() -> Room | None:
    """The slots that this process told of; None before it did."""
    found = Device.objects.filter(owner=this_worker()).first()
    return Room(found.slots, found.widest) if found else None


def widest() -> int:
    """How many devices some worker of the last day could give one job, at least 1."""
    return max((device.widest for device in Device.objects.all()), default=1)


def check_fits(count: int) -> None:
    """AppError (`too_many_devices`) when no worker of the last day could give a job so many.

    One is never refused: its worker may be yet to come.
    """
    most = 1 if count == 1 else widest()
    if count > most:
        raise AppError(
            "too_many_devices",
            f"No machine here can give one job {count} devices. Choose at most {most}.",
            param="devices",
            params={"devices": count, "most": most},
        )
