"""DoRA: LoRA turns the directions of the attention projections, their sizes are learnt beside it
(Liu et al., ICML 2024), through peft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.engine.adapters import lora

if TYPE_CHECKING:
    from torch import nn

    from training.engine.adapters.shape import AdapterShape


def apply(base: Any, shape: AdapterShape) -> nn.Module:
    """As LoRA's."""
    return lora.apply(base, shape, by_magnitude=True)
