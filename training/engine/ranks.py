"""How several processes train as one: which rows of a batch are whose, and sums over all of them.

Through accelerate: gloo between the processes of a CPU, NCCL between GPUs. A process that is alone
needs none of it and computes as if this file were not there. Starts and ends no process.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.engine.arrays import Tensors
from training.engine.failures import is_out_of_memory
from training.engine.network import NO_TARGET, Batch

# Who hangs is found by whoever watches the run's progress; nobody else gives up while one measures.
_PATIENCE = timedelta(days=7)
# All of them are processes of one machine: nothing listens for the network.
_LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}


class Parted(Exception):
    """Another rank is gone, so nothing can be summed any more."""


@dataclass(frozen=True)
class Ranks:
    """This process among `size`. Rank 0 leads: it alone measures, tells, and writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this rank measures and writes."""
        return self.rank == 0

    def mine(self, count: int) -> slice:
        """Which of `count` things fall to this rank: every `size`-th."""
        return slice(self.rank, count, self.size)

    def part(self, batch: Batch) -> Batch:
        """This rank's rows of a batch that all ranks have drawn. A rank without a row gets one
        that asks nothing."""
        if self.size == 1:
            return batch
        if self.rank < len(batch.item):
            return batch.rows(self.mine(len(batch.item)))
        idle = batch.rows(slice(0, 1))
        return replace(idle, target=torch.full_like(idle.target, NO_TARGET))

    def total(self, value: Tensor) -> Tensor:
        """The sum over all ranks, to the bit the same on each."""
        if self.size == 1:
            return value
        from accelerate.utils import reduce

        summed: Tensor = _or_parted(lambda: reduce(value, reduction="sum"))
        return summed

    def told(self, value: Tensor) -> Tensor:
        """What rank 0 has; the others wait for it, and give a value of the same shape."""
        if self.size == 1:
            return value
        from accelerate.utils import broadcast

        heard: Tensor = _or_parted(lambda: broadcast(value.clone(), from_process=0))
        return heard

    def sum_gradients(self, parameters: Iterable[nn.Parameter], loss: Tensor) -> Tensor:
        """Put the sum over all ranks into every gradient; the summed loss, a scalar.

        A parameter that no rank has a gradient of keeps none, as in a process that is alone.
        """
        if self.size == 1:
            return loss.detach()
        held = list(parameters)
        known = torch.tensor([p.grad is not None for p in held], device=loss.device).float()
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in held]
        flat = torch.cat([loss.detach().reshape(1), known, *[grad.flatten() for grad in grads]])
        sizes = [1, len(held), *[parameter.numel() for parameter in held]]
        first, known, *sums = torch.split(self.total(flat), sizes)
        for parameter, has, summed in zip(held, known.tolist(), sums, strict=True):
            parameter.grad = summed.view_as(parameter) if has else None
        value: Tensor = first[0]
        return value

    def check_same(self, state: Tensors) -> None:
        """RuntimeError unless this rank starts from the state that rank 0 starts from."""
        if self.size == 1:
            return
        digest = hashlib.sha256()
        for name in sorted(state):
            digest.update(name.encode() + state[name].tobytes())
        own = torch.tensor(int.from_bytes(digest.digest()[:7]))
        if not torch.equal(self.told(own), own):
            raise RuntimeError(f"rank {self.rank} begins with other weights than rank 0")

    def join(self, meeting: Path, device: torch.device) -> None:
        """Meet the other ranks over the file `meeting`; returns when all are there."""
        from accelerate import PartialState

        words = {"RANK": self.rank, "WORLD_SIZE": self.size, "LOCAL_WORLD_SIZE": self.size}
        words["LOCAL_RANK"] = self.rank if device.index is None else device.index
        # Without it accelerate would choose a number of threads by itself.
        words["OMP_NUM_THREADS"] = torch.get_num_threads()
        os.environ.update({name: str(word) for name, word in words.items()} | _LOOPBACK)
        PartialState(
            cpu=device.type == "cpu",
            backend="gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl",
            init_method=f"file://{meeting}",
            rank=self.rank,
            world_size=self.size,
            timeout=_PATIENCE,
        )

    def leave(self) -> None:
        """Part from the others in peace; all ranks do it at about the same time."""
        from accelerate import PartialState

        PartialState().destroy_process_group()
        PartialState._reset_state()


def _or_parted(collective: Callable[[], Any]) -> Any:
    try:
        return collective()
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise Parted(str(error)) from error
