"""Fine-tunes the base model on the same loss as the sequence model: what a subject takes up next.

Lower layers are frozen and their output was kept; the upper ones move as the method says, with an
adapter or all of their weights. In each step the loss over all items is taken with their latest
vectors, and its gradient is carried on through the encoder for a fair sample of items into what
moves; every few steps all items are encoded afresh.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.engine.adapters import ADAPTERS
from training.engine.adapters.shape import AdapterShape, attention_targets
from training.engine.arrays import F32, I64, Tensors
from training.engine.batches import alike
from training.engine.encoder import Encoder, Tokens, Whitening, mean_pool
from training.engine.job import Job
from training.engine.loop import Plan, train
from training.engine.network import Batch
from training.engine.sampling import Sampler
from training.engine.sequence_objective import SequenceObjective
from training.engine.sequence_training import steps_per_epoch
from training.engine.workbench import Workbench

_CARRIERS = 384  # draws of items that are encoded with gradients in each step
_REFRESHED_TOKENS = 1_000_000  # how many tokens all refreshes together may encode, about
_TOKENS_AT_ONCE = 1_024  # that go through the upper layers together; these decide the memory
_GOOD_STEPS = 80  # what "auto" epochs aim at
_NETWORK_SHARE = 0.5  # learning rate of the network, which starts trained, beside the adapter's


@dataclass(frozen=True)
class Readings:
    """The catalogue's texts as the base read them. states: per text float16 [length, hidden]
    behind the frozen layers; text: float32 [items, whitened], the frozen vectors."""

    tokens: Tokens
    states: list[F32]
    whitening: Whitening
    text: F32


class Tuned(nn.Module):
    """The upper layers of the base model as a method trains them: hidden states in, whitened
    vectors out."""

    mean: Tensor
    turn: Tensor

    def __init__(self, adapted: nn.Module, layers: list[nn.Module], whitening: Whitening) -> None:
        super().__init__()
        self.adapted = adapted
        self.layers = layers
        self.register_buffer("mean", torch.from_numpy(whitening.mean))
        self.register_buffer("turn", torch.from_numpy(whitening.turn))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """states [texts, tokens, hidden], mask [texts, tokens] -> vectors [texts, whitened]."""
        shut = (1.0 - mask[:, None, None, :].to(states.dtype)) * torch.finfo(states.dtype).min
        for layer in self.layers:
            states = layer(states, shut)
        with torch.autocast(states.device.type, enabled=False):
            whitened: Tensor = (mean_pool(states.float(), mask) - self.mean) @ self.turn
        return whitened


class FinetuneObjective(SequenceObjective):
    """The sequence objective with text vectors that the adapter moves. `bank` holds the latest
    ones."""

    def __init__(self, frozen: SequenceObjective, tuned: Tuned, readings: Readings) -> None:
        super().__init__(
            frozen.bench, frozen.network, None, frozen.exam, frozen.draws, frozen.beside
        )
        self.tuned, self.readings = tuned, readings
        self.bank = torch.from_numpy(readings.text).to(self.bench.device).clone()
        self.text_of = np.full(len(readings.text), -1, dtype=np.int64)
        self.text_of[readings.tokens.rows] = np.arange(len(readings.tokens.rows))

    def groups(self) -> list[tuple[list[nn.Parameter], float]]:
        rate = rate_of(self.bench.job)
        adapter = list(self._moving().values())
        return [(adapter, rate), (list(self.network.parameters()), _NETWORK_SHARE * rate)]

    def loss(self, batch: Batch, step: int) -> Tensor:
        """The exact loss over all met items; its gradient reaches the adapter through a sample.

        Items are drawn by the size of the gradient on their text vectors and weighed by the inverse
        of their chance, so the adapter's gradient has the full one as its mean. It is added here,
        some texts at a time, so that no more than theirs is held. Each of several ranks carries the
        whole batch's gradient for some items.
        """
        text = self.bank.clone().requires_grad_()
        loss = super().loss_with(batch, step, text)
        (pull,) = torch.autograd.grad(loss, [text], retain_graph=True)
        pull = self.bench.ranks.total(pull)
        items, weight = self._drawn(pull, step)
        own = self.bench.ranks.mine(len(items))
        items, weight = items[own], weight[own]
        for part in alike(self.readings.tokens.length[self.text_of[items]], _TOKENS_AT_ONCE):
            fresh = self._encode_group(self.text_of[items[part]])
            carried = (fresh * (pull[items[part]] * weight[part, None])).sum()
            carried.backward()  # type: ignore[no-untyped-call]
        return loss

    def measure(self) -> float:
        if self.bench.ranks.leads:
            self.refresh()
        self.bank = self.bench.ranks.told(self.bank)
        return self.measure_with(self.bank)

    def refresh(self) -> None:
        """Encode every item with the adapter as it is now. Interrupted when asked to stop."""
        tokens = self.readings.tokens
        with torch.inference_mode():
            for group in tokens.groups():
                self.bench.stop.check()
                rows = torch.from_numpy(tokens.rows[group]).to(self.bench.device)
                self.bank = self.bank.index_copy(0, rows, self._encode_group(group))
        self.bank = self.bank.clone()

    def state(self) -> Tensors:
        moving = self._moving().items()
        kept = {f"adapter.{name}": v.numpy(force=True).copy() for name, v in moving}
        kept |= {f"network.{name}": value for name, value in super().state().items()}
        return {**kept, "bank": self.bank.numpy(force=True).copy()}

    def restore(self, state: Tensors) -> None:
        super().restore({name[8:]: v for name, v in state.items() if name[:8] == "network."})
        held = self._moving()
        with torch.no_grad():
            for name, value in state.items():
                if name.startswith("adapter."):
                    held[name[8:]].copy_(torch.from_numpy(value.copy()))
        self.bank = torch.from_numpy(state["bank"].copy()).to(self.bench.device)

    def _moving(self) -> dict[str, nn.Parameter]:
        """What the method trains of the base model, by name."""
        named = self.tuned.adapted.named_parameters()
        return {name: weight for name, weight in named if weight.requires_grad}

    def _drawn(self, pull: Tensor, step: int) -> tuple[I64, Tensor]:
        """Items that carry this step's gradient, int64 [n], and their weights, [n]."""
        size = pull.norm(dim=1).double().cpu().numpy() * (self.text_of >= 0)
        if not size.sum() > 0.0:
            return np.empty(0, dtype=np.int64), torch.empty(0)
        chance = size / size.sum()
        generator = np.random.default_rng(self.bench.seed(31, step))
        drawn = generator.choice(len(chance), _CARRIERS, p=chance)
        items, times = np.unique(drawn, return_counts=True)
        weight = times / (_CARRIERS * chance[items])
        return items, torch.from_numpy(weight).float().to(pull.device)

    def _encode_group(self, texts: I64) -> Tensor:
        lengths = self.readings.tokens.length[texts]
        width = int(lengths.max())
        states = np.zeros((len(texts), width, self.readings.states[0].shape[1]), dtype=np.float16)
        for place, index in enumerate(texts):
            states[place, : lengths[place]] = self.readings.states[index]
        mask = torch.from_numpy((np.arange(width) < lengths[:, None]).astype(np.int64))
        inputs = torch.from_numpy(states).to(self.bench.device).float()
        with self.bench.autocast():
            vectors: Tensor = self.tuned(inputs, mask.to(self.bench.device))
        return vectors


def frozen_layers(bench: Workbench, encoder: Encoder) -> int | None:
    """How many lower layers stay frozen; None when this base cannot be cut and adapted."""
    base: Any = encoder.model
    if not attention_targets(base.config.model_type) or not hasattr(base, "encoder"):
        return None
    return max(0, encoder.layer_count - bench.job.count("lora_layers"))


def adapt(bench: Workbench, encoder: Encoder, first: int, whitening: Whitening) -> Tuned:
    """The base model with the layers from `first` on as the job's method trains them."""
    job = bench.job
    shape = AdapterShape(
        rank=job.count("lora_rank"),
        alpha=job.count("lora_alpha"),
        targets=attention_targets(str(encoder.model.config.model_type)),
        layers=tuple(range(first, encoder.layer_count)),
    )
    if bench.device.type == "cpu":  # on short texts the fused kernel's gradient is the slower one
        encoder.model.set_attn_implementation("eager")
    # An adapter draws its first weights from the global generator.
    torch.manual_seed(bench.seed(30))
    adapted = ADAPTERS[job.method].apply(encoder.model, shape)
    adapted.eval()  # no dropout in the frozen weights
    layers = list(encoder.model.encoder.layer)[first:]
    return Tuned(adapted, layers, whitening).to(bench.device)


def rate_of(job: Job) -> float:
    """The learning rate of what the method trains: the given one, or what is usual for it."""
    given = job.params["finetune_learning_rate"]
    return ADAPTERS[job.method].rate if given is None else float(given)


def finetune(
    bench: Workbench, objective: FinetuneObjective, draws: Sampler, frozen: float = -math.inf
) -> dict[str, float]:
    """Train adapter and network together. Returns what the loop reports. frozen: the figure of the
    network on frozen text; where nobody has said for how long to train, who is behind it at the
    first measurement is given up."""
    per_epoch = steps_per_epoch(bench, draws, bench.job.count("batch_size"))
    epochs = bench.job.params["finetune_epochs"]
    steps = per_epoch * int(epochs) if epochs else min(_GOOD_STEPS, 30 * per_epoch)
    plan = Plan(
        series="finetune",
        steps=steps,
        steps_per_epoch=per_epoch,
        measure_every=max(1, steps // _refreshes(objective.readings.tokens)),
        batch_size=bench.job.count("batch_size"),
        warmup=min(20, steps // 5 + 1),
        weight_decay=bench.job.number("weight_decay"),
        patience=8,
        floor=-math.inf if epochs else frozen,
    )
    return train(bench, objective, draws, plan)


def _refreshes(tokens: Tokens) -> int:
    """How often the whole catalogue is encoded afresh and measured: 2 to 8 times."""
    return max(2, min(8, _REFRESHED_TOKENS // max(1, int(tokens.length.sum()))))
