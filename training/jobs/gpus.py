"""Which GPUs of its machine a job gets: those that have the fewest jobs of this worker.

The threads of a worker share the table; it ends with the worker, as the leases of its jobs do.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tenants.work.owners import this_worker
from training.jobs.models import Device

VISIBLE = "CUDA_VISIBLE_DEVICES"
_lock = threading.Lock()
_jobs: Counter[int] = Counter()


@contextmanager
def lent(count: int) -> Iterator[dict[str, str]]:
    """What the environment of an engine says of its `count` GPUs; {} where the worker has none."""
    device = Device.objects.filter(owner=this_worker()).first()
    if device is None or not device.gpus:
        yield {}
        return
    taken = _take(count, device.gpus)
    try:
        yield {VISIBLE: ",".join(names(device.gpus)[gpu] for gpu in taken)}
    finally:
        with _lock:
            _jobs.subtract(taken)


def names(count: int) -> list[str]:
    """The names of the GPUs that this worker sees, as CUDA reads them."""
    given = os.environ.get(VISIBLE, "")
    return given.split(",") if given else [str(gpu) for gpu in range(count)]


def _take(count: int, gpus: int) -> list[int]:
    with _lock:
        taken = sorted(range(gpus), key=lambda gpu: (_jobs[gpu], gpu))[:count]
        _jobs.update(taken)
    return taken
