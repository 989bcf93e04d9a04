"""What every fine-tuning method is told about the base model and the job."""

from dataclasses import dataclass

# The attention projections are named for each family: a default that also took the unused pooler
# would train weights that no score depends on.
_ATTENTION = {
    "bert": ("query", "value"),
    "roberta": ("query", "value"),
    "xlm-roberta": ("query", "value"),
    "camembert": ("query", "value"),
    "electra": ("query", "value"),
}


@dataclass(frozen=True)
class AdapterShape:
    """targets: module names to adapt; layers: indices of the encoder layers to adapt."""

    rank: int
    alpha: int
    targets: tuple[str, ...]
    layers: tuple[int, ...]


def attention_targets(model_type: str) -> tuple[str, ...]:
    """Module names of the attention projections, empty for a family that is not in the table."""
    return _ATTENTION.get(model_type, ())
