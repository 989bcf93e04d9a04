"""The table of fine-tuning methods: one line per method, one file each."""

from collections.abc import Callable

from peft import PeftConfig

from training.engine.adapters import lora
from training.engine.adapters.shape import AdapterShape

ADAPTERS: dict[str, Callable[[AdapterShape], PeftConfig]] = {"lora": lora.config}
