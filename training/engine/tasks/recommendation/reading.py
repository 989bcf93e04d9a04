"""Reads the catalogue's texts with the base model, once, and keeps what fine-tuning will need."""

from dataclasses import dataclass

import numpy as np

from training.engine.arrays import F32, I64, Tensors
from training.engine.encoder import Encoder, Whitening, spread, whitening
from training.engine.finetuning import Readings, frozen_layers
from training.engine.snapshot import Catalogue
from training.engine.split import known_before
from training.engine.text import Base, Reading, find_base, item_texts, read_share
from training.engine.workbench import Workbench

_KEY = "encode"
_KEPT_BYTES = 1_000_000_000  # hidden states of more texts than this holds are not worth the memory


@dataclass(frozen=True)
class Texts:
    """readings is None where the base is not used; layers: how many lower layers stay
    frozen, None where the base cannot be fine-tuned."""

    base: Base
    reading: Reading
    encoder: Encoder | None
    readings: Readings | None
    layers: int | None

    @property
    def vectors(self) -> F32 | None:
        """Whitened frozen vectors, float32 [items, whitened]."""
        return self.readings.text if self.readings else None


def read_texts(bench: Workbench, catalogue: Catalogue, moment: float) -> Texts:
    """Measure what the base can read and, if that is enough, encode every text.

    The whitening is fitted on items known before `moment` only.
    """
    base = find_base(bench.job.base_model)
    texts = item_texts(catalogue)
    encoder = Encoder(base, bench.device, fast=bench.fast)
    reading = read_share(encoder.tokenizer, texts, seed=bench.seed(50))
    if not reading.usable:
        return Texts(base, reading, None, None, None)
    tokens = encoder.tokens(texts, bench.job.count("text_tokens"))
    layers = frozen_layers(bench, encoder)
    hidden = int(encoder.model.config.hidden_size)
    if int(tokens.length.sum()) * hidden * 2 > _KEPT_BYTES:
        layers = None
    saved = bench.checkpoints.load(_KEY)
    if saved:
        pooled = np.array(saved.tensors["pooled"])
        states = _parted(saved.tensors["states"], tokens.length) if layers is not None else []
    else:
        pooled, states = encoder.run_lower(tokens, layers, bench.step)
        bench.checkpoints.save(_KEY, _joined(pooled, states), {})
    known = known_before(catalogue, moment)[tokens.rows]
    turn: Whitening = whitening(pooled[known] if known.sum() > 1 else pooled)
    vectors = spread(tokens.rows, turn(pooled), len(catalogue))
    return Texts(base, reading, encoder, Readings(tokens, states, turn, vectors), layers)


def _joined(pooled: F32, states: list[F32]) -> Tensors:
    joined = np.concatenate(states) if states else np.zeros((0, pooled.shape[1]), np.float16)
    return {"pooled": pooled, "states": joined}


def _parted(states: F32, lengths: I64) -> list[F32]:
    return np.split(states, np.cumsum(lengths)[:-1])
