"""LoRA: low-rank updates of the attention projections (Hu et al., 2021), through peft."""

from peft import LoraConfig

from training.engine.adapters.shape import AdapterShape


def config(shape: AdapterShape) -> LoraConfig:
    """Rank-stabilised scaling keeps the learning rate's meaning when the rank changes."""
    return LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        use_rslora=True,
        target_modules=list(shape.targets),
        layers_to_transform=list(shape.layers),
        layers_pattern="layer",
        lora_dropout=0.0,
        bias="none",
    )
