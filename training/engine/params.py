"""The hyper-parameters of a job: one table of names, kinds and bounds. "auto" leaves the choice
to the run, which reads the data first; what was chosen stands in the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.engine.failures import JobError

Value = int | float | bool
AUTO = "auto"


@dataclass(frozen=True)
class Param:
    """One hyper-parameter. `usual` is what "auto" means when the data do not decide it."""

    kind: type
    low: float
    high: float
    usual: Value | None


PARAMS: dict[str, Param] = {
    "window_days": Param(float, 0.04, 180, None),
    "repeats": Param(bool, 0, 1, None),
    "history_limit": Param(int, 10, 5_000, 500),
    "candidates": Param(int, 10, 1_000, 60),
    "own_half_life_days": Param(float, 0.01, 36_500, None),
    "neighbours_half_life_days": Param(float, 0.01, 36_500, None),
    "neighbours_ridge": Param(float, 1e-4, 1e4, None),
    "content_half_life_days": Param(float, 0.01, 36_500, None),
    "dim": Param(int, 8, 512, 128),
    "layers": Param(int, 1, 6, 2),
    "heads": Param(int, 1, 8, 2),
    "sequence_length": Param(int, 5, 200, 50),
    "dropout": Param(float, 0.0, 0.7, 0.2),
    "batch_size": Param(int, 2, 1_024, 128),
    "epochs": Param(int, 1, 100, None),
    "learning_rate": Param(float, 1e-6, 0.1, 2e-3),
    "weight_decay": Param(float, 0.0, 1.0, 0.01),
    "lora_rank": Param(int, 1, 64, 16),
    "lora_alpha": Param(int, 1, 256, 32),
    "lora_layers": Param(int, 1, 48, 2),
    "finetune_epochs": Param(int, 0, 50, None),
    "finetune_learning_rate": Param(float, 1e-6, 0.1, None),
    "text_tokens": Param(int, 8, 512, 48),
    # GPUs of one machine that train together; on a machine without, so many processes.
    "devices": Param(int, 1, 16, 1),
}


def read_params(given: Mapping[str, Any]) -> dict[str, Value | None]:
    """Every parameter with its given value, its usual value, or None where the data will decide.

    Raises JobError (unknown_param, bad_param) that names the parameter.
    """
    for name in given:
        if name not in PARAMS:
            known = ", ".join(sorted(PARAMS))
            raise JobError("unknown_param", f"there is no parameter {name!r}; known: {known}", name)
    params = {
        name: param.usual if given.get(name, AUTO) == AUTO else _checked(name, param, given[name])
        for name, param in PARAMS.items()
    }
    if params["dim"] and params["heads"] and params["dim"] % params["heads"]:
        raise JobError(
            "bad_param",
            f"heads must divide dim; got {params['heads']} and {params['dim']}",
            "heads",
        )
    return params


def _checked(name: str, param: Param, value: Any) -> Value:
    fits = isinstance(value, bool) == (param.kind is bool) and isinstance(value, (int, float))
    if fits and param.kind is int:
        fits = isinstance(value, int) or value.is_integer()
    if not fits or not param.low <= value <= param.high:
        expected = "true or false" if param.kind is bool else f"{param.low:g} to {param.high:g}"
        kind = param.kind.__name__
        raise JobError(
            "bad_param", f'{name} must be "auto" or {kind}: {expected}; got {value!r}', name
        )
    checked: Value = param.kind(value)
    return checked
