"""What every stage of a run shares: the job, where to report, where to keep state, and the
device."""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from training.engine.checkpoint import Checkpoints
from training.engine.failures import JobError
from training.engine.job import Job
from training.engine.progress import Progress
from training.engine.ranks import Ranks
from training.engine.stopping import Stop


@dataclass(frozen=True)
class Workbench:
    """fast: compute in bfloat16, where the device does that in hardware; record: see lineage."""

    job: Job
    progress: Progress
    checkpoints: Checkpoints
    stop: Stop
    device: torch.device
    fast: bool
    record: dict[str, Any] = field(default_factory=dict)
    ranks: Ranks = field(default_factory=Ranks)

    def seed(self, *purpose: int) -> int:
        """A seed that follows from the job's seed and a purpose, so that no stage shifts
        another's."""
        mixed = np.random.SeedSequence([self.job.seed, *purpose]).generate_state(1, np.uint32)
        return int(mixed[0])

    def step(self, done: int, every: int) -> None:
        """A step between two of which the run may stop: reports it, raises Interrupted if asked
        to."""
        self.stop.check()
        self.progress.step(done, every)

    def autocast(self) -> torch.autocast:
        """bfloat16 where it pays, a no-op otherwise."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.fast)


def prepare_device(
    job: Job, threads: int | None = None, rank: int = 0
) -> tuple[torch.device, bool]:
    """The device of this rank of the job and whether bfloat16 pays on it; fixes threads and
    determinism.

    threads: what the run began with, where it goes on: equal weights are promised for equal
    numbers of threads, because sums in another order are other sums.

    Raises JobError device_missing when the job needs a device that this machine lacks.
    """
    name = job.device
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    device, size = torch.device(name), job.devices
    if device.type == "cuda":
        first = device.index or 0
        _check_present(first + size - 1, "device" if size == 1 else "devices")
        device = torch.device("cuda", first + rank)
        if rank:  # or it would take memory of the first GPU too
            torch.cuda.set_device(device)
        sharing = 1
    else:
        sharing = size  # the ranks share the cores of one machine
    count = job.threads or threads or max(1, len(os.sched_getaffinity(0)) // sharing)
    torch.set_num_threads(count)
    threadpool_limits(count)
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Filling memory that is written anyway would cost a tenth of the time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    fast = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bfloat16()
    return device, fast


def _check_present(last: int, param: str) -> None:
    if last >= torch.cuda.device_count():
        raise JobError("device_missing", f"this machine has no device cuda:{last}", param)


def _cpu_has_bfloat16() -> bool:
    """Without such instructions bfloat16 on a CPU is slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
