"""Turns item texts into vectors with the base model, and cuts the model in two for fine-tuning: the
lower layers run once and their output is kept, the upper ones run with gradients.

Texts are grouped by length, so that nothing is computed on padding. Mean pooling over tokens.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer

from training.engine.arrays import F32, I64
from training.engine.text import Base

_TOKENS_AT_ONCE = 4_096
_KEEP_VARIANCE = 256  # whitened dimensions at most; the tail is noise


@dataclass(frozen=True)
class Tokens:
    """Token ids of the texts that are not empty. rows: their items, int64 [texts]; length: int64
    [texts]; ids: int64 [texts, longest], 0 behind the end."""

    rows: I64
    length: I64
    ids: I64

    def groups(self) -> Iterator[I64]:
        """Indices of texts in batches of one length each: nothing is padded."""
        order = np.argsort(self.length, kind="stable")
        for same in np.split(order, np.flatnonzero(np.diff(self.length[order])) + 1):
            size = max(1, _TOKENS_AT_ONCE // int(self.length[same[0]]))
            for first in range(0, len(same), size):
                yield same[first : first + size]


class Encoder:
    """The base model on a device. Deterministic on CPU; `fast` computes in bfloat16."""

    def __init__(self, base: Base, device: torch.device, *, fast: bool) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(  # nosec B615 # from the disk alone
            base.folder, local_files_only=True, trust_remote_code=False
        )
        # Weights as safetensors or not at all: a pickle runs what its maker wrote.
        self.model: Any = AutoModel.from_pretrained(  # nosec B615 # from the disk alone
            base.folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
        ).to(device)
        self.model.eval()
        self.device, self.fast = device, fast
        self.layer_count = int(self.model.config.num_hidden_layers)

    def tokens(self, texts: list[str], limit: int) -> Tokens:
        """Tokenise the texts that are not empty, at most `limit` tokens each."""
        rows = [index for index, text in enumerate(texts) if text.strip()]
        longest = min(limit, int(self.model.config.max_position_embeddings))
        encoded = self.tokenizer([texts[row] for row in rows], truncation=True, max_length=longest)
        length = np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)
        ids = np.zeros((len(rows), int(length.max())), dtype=np.int64)
        for index, values in enumerate(encoded["input_ids"]):
            ids[index, : length[index]] = values
        return Tokens(np.array(rows, dtype=np.int64), length, ids)

    def run_lower(
        self, tokens: Tokens, layers: int | None, done: Callable[[int, int], None]
    ) -> tuple[F32, list[F32]]:
        """Pooled vectors [texts, hidden] of the frozen model, and each text's hidden states
        behind the first `layers` layers as float16 [length, hidden] (none if layers is None)."""
        hidden_size = int(self.model.config.hidden_size)
        pooled = np.zeros((len(tokens.rows), hidden_size), dtype=np.float32)
        kept: list[Any] = [None] * len(tokens.rows) if layers is not None else []
        finished = 0
        for group in tokens.groups():
            ids = torch.from_numpy(tokens.ids[group, : tokens.length[group[0]]]).to(self.device)
            with torch.inference_mode(), self.autocast():
                output = self.model(input_ids=ids, output_hidden_states=layers is not None)
            pooled[group] = mean_pool(output.last_hidden_state.float()).cpu().numpy()
            if layers is not None:
                states = output.hidden_states[layers].half().cpu().numpy()
                for place, index in enumerate(group):
                    kept[index] = states[place, : tokens.length[index]]
            finished += len(group)
            done(finished, len(tokens.rows))
        return pooled, kept

    def autocast(self) -> torch.autocast:
        """bfloat16 where it pays, a no-op otherwise."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.fast)


def mean_pool(states: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean of the states [texts, tokens, hidden] over real tokens, unit length, [texts, hidden].
    Without a mask all tokens are real."""
    if mask is None:
        return nn.functional.normalize(states.mean(dim=1), dim=1)
    weight = mask[..., None].to(states.dtype)
    mean = (states * weight).sum(dim=1) / weight.sum(dim=1)
    return nn.functional.normalize(mean, dim=1)


@dataclass(frozen=True)
class Whitening:
    """An affine map that gives the frozen vectors mean 0 and unit variance in every kept direction.

    mean: float32 [hidden]; turn: float32 [hidden, kept].
    """

    mean: F32
    turn: F32

    def __call__(self, pooled: F32) -> F32:
        return np.asarray((pooled - self.mean) @ self.turn, dtype=np.float32)


def whitening(pooled: F32) -> Whitening:
    """Fit on pooled vectors [texts, hidden]; keeps at most half as many directions as there are
    texts."""
    mean = pooled.mean(axis=0)
    centred = (pooled - mean).astype(np.float64)
    variance, directions = np.linalg.eigh(centred.T @ centred / max(1, len(pooled) - 1))
    kept = max(1, min(_KEEP_VARIANCE, len(pooled) // 2, pooled.shape[1]))
    order = np.argsort(-variance)[:kept]
    largest = directions[:, order]
    # The sign of an eigenvector is arbitrary; fixing it makes equal inputs give equal weights.
    signs = np.sign(largest[np.argmax(np.abs(largest), axis=0), np.arange(kept)])
    scale = 1.0 / np.sqrt(np.maximum(variance[order], 0.0) + 1e-6)
    return Whitening(mean, (largest * signs * scale).astype(np.float32))


def spread(rows: I64, vectors: F32, items: int) -> F32:
    """Vectors of the items that have text, zero rows for the others, float32 [items,
    dimensions]."""
    full = np.zeros((items, vectors.shape[1]), dtype=np.float32)
    full[rows] = vectors
    return full
