"""Reads the catalogue's texts with the base model, once, and keeps what fine-tuning will need.
Texts that the base cannot read are read by their characters, and the version says so."""

from dataclasses import dataclass, replace

import numpy as np

from training.engine import grams
from training.engine.arrays import F32, I64, Mask, Tensors
from training.engine.encoder import Encoder, Whitening, spread, whitening
from training.engine.finetuning import Readings, frozen_layers
from training.engine.snapshot import Catalogue
from training.engine.split import known_before
from training.engine.text import Base, Reading, find_base, item_texts, read_share
from training.engine.workbench import Workbench

_KEY = "encode"
_FEWEST_TEXTS = 10  # fewer show no direction
_KEPT_BYTES = 1_000_000_000  # hidden states of more texts than this holds are not worth the memory


@dataclass(frozen=True)
class Texts:
    """vectors: whitened frozen vectors, or those of the characters where the base cannot read,
    float32 [items, directions], None without any text; characters: those of the characters beside
    the base's, for sources that compare texts; by_characters: what reads in the base's place;
    readings: None where the base is not used; layers: how many lower layers stay frozen, None where
    the base cannot be fine-tuned."""

    base: Base
    reading: Reading
    encoder: Encoder | None = None
    readings: Readings | None = None
    layers: int | None = None
    vectors: F32 | None = None
    characters: F32 | None = None
    by_characters: grams.Grams | None = None

    @property
    def kinds(self) -> tuple[F32, ...]:
        """The vectors that the sequence model reads side by side, alike in size: the frozen ones
        and those of the characters, as far as there are any."""
        if self.vectors is None or self.characters is None:
            return () if self.vectors is None else (self.vectors,)
        size = np.linalg.norm(self.vectors, axis=1).mean()
        length = np.linalg.norm(self.characters, axis=1, keepdims=True)
        beside = self.characters * (size / np.maximum(length, 1e-9))
        return self.vectors, beside.astype(np.float32)

    @property
    def read_by(self) -> str | None:
        """The name of what has read the texts; None where nothing has."""
        if self.vectors is None:
            return None
        return grams.NAME if self.by_characters else self.base.name


def read_texts(bench: Workbench, catalogue: Catalogue, moment: float) -> Texts:
    """Measure what the base can read and, if that is enough, encode every text.

    What reads instead of it, and the whitening, are fitted on items known before `moment` only.
    """
    base = find_base(bench.job.base_model)
    texts = item_texts(catalogue)
    encoder = Encoder(base, bench.device, fast=bench.fast)
    reading = read_share(encoder.tokenizer, texts, seed=bench.seed(50))
    if not reading.usable:
        return _by_characters(bench, base, reading, texts, known_before(catalogue, moment))
    tokens = encoder.tokens(texts, bench.job.count("text_tokens"))
    # Hidden states are kept for fine-tuning alone.
    layers = None if bench.job.params["finetune_epochs"] == 0 else frozen_layers(bench, encoder)
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
    readings = Readings(tokens, states, turn, vectors)
    characters = _characters(bench, texts, known_before(catalogue, moment))
    beside = characters(texts) if characters else None
    return Texts(base, reading, encoder, readings, layers, vectors, beside)


def _characters(bench: Workbench, texts: list[str], known: Mask) -> grams.Grams | None:
    """What reads texts by their characters, learned from those of known items; None where there
    are too few."""
    filled = [text for text, met in zip(texts, known, strict=True) if met and text.strip()]
    return None if len(filled) < _FEWEST_TEXTS else grams.learn(filled, seed=bench.seed(51))


def _by_characters(
    bench: Workbench, base: Base, reading: Reading, texts: list[str], known: Mask
) -> Texts:
    """What the base cannot read, read without it; nothing where there is too little."""
    learned = _characters(bench, texts, known)
    if learned is None:
        return Texts(base, reading)
    vectors = learned(texts)
    told = replace(reading, code="read_by_characters")
    return Texts(base, told, vectors=vectors, by_characters=learned)


def _joined(pooled: F32, states: list[F32]) -> Tensors:
    joined = np.concatenate(states) if states else np.zeros((0, pooled.shape[1]), np.float16)
    return {"pooled": pooled, "states": joined}


def _parted(states: F32, lengths: I64) -> list[F32]:
    return np.split(states, np.cumsum(lengths)[:-1])
