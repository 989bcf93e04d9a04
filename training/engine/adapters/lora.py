"""LoRA: low-rank updates of the attention projections (Hu et al., 2021), through peft."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from training.engine.adapters.shape import AdapterShape


def apply(base: Any, shape: AdapterShape, *, by_magnitude: bool = False) -> nn.Module:
    """Rank-stabilised scaling keeps the learning rate's meaning when the rank changes.
    by_magnitude: whether the size of each column is learnt apart from its direction."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        use_rslora=True,
        use_dora=by_magnitude,
        target_modules=list(shape.targets),
        layers_to_transform=list(shape.layers),
        layers_pattern="layer",
        lora_dropout=0.0,
        bias="none",
    )
    return get_peft_model(base, config)
