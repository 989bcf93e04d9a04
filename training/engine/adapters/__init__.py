"""The table of fine-tuning methods: one line per method, one file each. Loads no library by itself:
peft takes seconds, and most runs fine-tune nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.engine.adapters import dora, full, lora

if TYPE_CHECKING:
    from torch import nn

    from training.engine.adapters.shape import AdapterShape


@dataclass(frozen=True)
class Method:
    """apply(base, shape): the base model with exactly the weights unfrozen that the method trains,
    which leaves its vectors as they are. rate: the usual learning rate of these weights; ignores:
    hyper-parameters of the others that mean nothing to it."""

    apply: Callable[[Any, AdapterShape], nn.Module]
    rate: float
    ignores: frozenset[str] = frozenset()


ADAPTERS: dict[str, Method] = {
    "lora": Method(lora.apply, 2e-4),
    "dora": Method(dora.apply, 2e-4),
    "full": Method(full.apply, 2e-5, ignores=frozenset({"lora_rank", "lora_alpha"})),
}
