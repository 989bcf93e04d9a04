"""Full fine-tuning of the upper layers: all of their weights move, nothing is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from training.engine.adapters.shape import AdapterShape


def apply(base: Any, shape: AdapterShape) -> nn.Module:
    """Rank and alpha mean nothing here."""
    base.requires_grad_(False)
    for index in shape.layers:
        base.encoder.layer[index].requires_grad_(True)
    adapted: nn.Module = base
    return adapted
