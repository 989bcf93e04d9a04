"""Fine-tuning: the loss over items reaches the adapter, and only what may move moves."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.engine import engine_shop
from training.engine.adapters import ADAPTERS
from training.engine.checkpoint import Checkpoints
from training.engine.encoder import Encoder
from training.engine.exam import prepare_exam
from training.engine.finetuning import FinetuneObjective, adapt
from training.engine.job import read_job
from training.engine.loop import Plan, train
from training.engine.network import Batch
from training.engine.progress import Progress, Unheard
from training.engine.ranks import Ranks
from training.engine.sequence_objective import SequenceObjective
from training.engine.sequence_training import build_network, prepare_sampler
from training.engine.snapshot import read_snapshot
from training.engine.split import split
from training.engine.stopping import Interrupted, Stop
from training.engine.tasks.recommendation.reading import Texts, read_texts
from training.engine.text import Reading, find_base
from training.engine.workbench import Workbench


def prepare(
    method: str, kept: Path, base: str, ranks: Ranks | None = None, **order: Any
) -> FinetuneObjective:
    """An objective before its first step, with its checkpoints in `kept`."""
    ranks = ranks or Ranks()
    folder = engine_shop.write_job(kept / "job", base=base, method=method, **order)
    job = read_job(folder, tasks=("recommendation",), methods=tuple(ADAPTERS))
    bench = Workbench(
        job=job,
        progress=Progress(kept, {"encode": 1.0}, sys.stderr) if ranks.leads else Unheard(),
        checkpoints=Checkpoints(kept / "checkpoint", "one"),
        stop=Stop(),
        device=torch.device("cpu"),
        fast=False,
        ranks=ranks,
    )
    snapshot = read_snapshot(folder)
    parts = split(snapshot, days=14.0, repeats=None)
    texts = read_texts(bench, snapshot.catalogue, parts.moment("fusion"))
    assert texts.encoder and texts.readings and texts.layers == 2
    draws = prepare_sampler(job, snapshot.events, parts)
    width, items = texts.readings.text.shape[1], len(snapshot.catalogue)
    network = build_network(bench, draws, snapshot.events, width, items)
    exam = prepare_exam(bench, snapshot.events, parts, parts.cases["fusion"])
    text = torch.from_numpy(texts.readings.text)
    frozen = SequenceObjective(bench, network, text, exam, draws)
    tuned = adapt(bench, texts.encoder, texts.layers, texts.readings.whitening)
    return FinetuneObjective(frozen, tuned, texts.readings)


@pytest.fixture(params=ADAPTERS)
def objective(request: Any, tmp_path: Path, tiny_base: str) -> FinetuneObjective:
    """One objective for each method of the table."""
    return prepare(request.param, tmp_path, tiny_base)


def trainable(objective: FinetuneObjective) -> dict[str, torch.Tensor]:
    return {n: p for n, p in objective.tuned.named_parameters() if p.requires_grad}


def take_steps(objective: FinetuneObjective, count: int) -> None:
    groups = [{"params": parameters, "lr": 0.01} for parameters, _ in objective.groups()]
    optimizer = torch.optim.AdamW(groups)
    stretches = objective.draws.stretches(1, 0)
    for step in range(count):
        optimizer.zero_grad()
        objective.loss(objective.draws.batch(stretches[:32], 1, step), step).backward()
        optimizer.step()


def test_a_fresh_adapter_leaves_the_base_models_vectors_as_they_were(
    objective: FinetuneObjective,
) -> None:
    objective.refresh()
    assert objective.bank.numpy() == pytest.approx(objective.readings.text, abs=5e-2)


def test_the_loss_over_items_moves_every_adapter_weight(objective: FinetuneObjective) -> None:
    before = {name: p.detach().clone() for name, p in trainable(objective).items()}
    take_steps(objective, 3)
    assert before
    assert [n for n, p in trainable(objective).items() if torch.equal(p, before[n])] == []


def test_nothing_but_the_adapter_moves_in_the_base_model(objective: FinetuneObjective) -> None:
    names = set(trainable(objective))
    held = {n: p.detach().clone() for n, p in objective.tuned.named_parameters() if n not in names}
    take_steps(objective, 3)
    after = dict(objective.tuned.named_parameters())
    assert len(held) > 20
    assert [name for name, value in held.items() if not torch.equal(after[name], value)] == []


def test_only_upper_layers_carry_the_adapter(objective: FinetuneObjective) -> None:
    assert names_of_layers(trainable(objective)) == {2}


def names_of_layers(parameters: dict[str, torch.Tensor]) -> set[int]:
    return {int(name.split(".layer.")[1].split(".")[0]) for name in parameters}


def test_the_sampled_gradient_has_the_full_gradient_as_its_mean(
    objective: FinetuneObjective,
) -> None:
    objective.refresh()
    pull = torch.randn(objective.bank.shape, generator=torch.Generator().manual_seed(2))
    total = torch.zeros_like(pull)
    for step in range(40):
        items, weight = objective._drawn(pull, step)
        total[items] += pull[items] * weight[:, None] / 40
    assert (total - pull).norm() / pull.norm() < 0.1


def test_few_texts_at_a_time_give_the_gradient_of_all_at_once(
    objective: FinetuneObjective, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What bounds the memory of a step changes nothing that it teaches."""
    batch = objective.draws.batch(objective.draws.stretches(1, 0)[:32], 1, 0)
    objective.network.eval()  # no dropout, so that both read the same
    gradients, groups = [], []
    plain = objective._encode_group
    monkeypatch.setattr(
        objective, "_encode_group", lambda texts: groups.append(len(texts)) or plain(texts)
    )
    for budget in (4_096, 8):
        monkeypatch.setattr("training.engine.finetuning._TOKENS_AT_ONCE", budget)
        groups.clear()
        objective.tuned.zero_grad()
        objective.loss(batch, 0).backward()
        gradients.append({name: p.grad.clone() for name, p in trainable(objective).items()})
        assert (len(groups) == 1) == (budget > 8)
    for name, whole in gradients[0].items():
        assert torch.allclose(gradients[1][name], whole, rtol=0.05, atol=1e-5), name


def test_a_state_put_back_gives_the_same_vectors(objective: FinetuneObjective) -> None:
    take_steps(objective, 2)
    objective.refresh()
    state, bank = objective.state(), objective.bank.clone()
    take_steps(objective, 2)
    objective.refresh()
    assert not torch.equal(objective.bank, bank)
    objective.restore(state)
    objective.refresh()
    assert torch.equal(objective.bank, bank)
    assert all(np.array_equal(value, state[name]) for name, value in objective.state().items())


def test_the_same_seed_gives_the_same_first_adapter(
    objective: FinetuneObjective, tiny_base: str
) -> None:
    from training.engine.text import find_base

    bench, readings = objective.bench, objective.readings
    again = adapt(
        bench,
        Encoder(find_base(tiny_base), bench.device, fast=False),
        2,
        readings.whitening,
    )
    first = trainable(objective)
    other = {n: p for n, p in again.named_parameters() if p.requires_grad}
    assert set(first) == set(other)
    assert all(torch.equal(first[name], other[name]) for name in first)


PLAN = Plan(
    series="finetune",
    steps=7,
    steps_per_epoch=3,
    measure_every=2,
    batch_size=16,
    warmup=1,
    weight_decay=0.01,
    patience=9,
)


@pytest.mark.parametrize("stop_at", [0, 3, 4])
@pytest.mark.parametrize("method", ADAPTERS)
def test_fine_tuning_that_was_stopped_ends_with_the_same_weights(
    tmp_path: Path,
    tiny_base: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    stop_at: int,
) -> None:
    torch.set_num_threads(1)
    whole = prepare(method, tmp_path / "whole", tiny_base)
    train(whole.bench, whole, whole.draws, PLAN)
    parts = prepare(method, tmp_path / "parts", tiny_base)
    loss = parts.loss

    def stopping(batch: Batch, step: int) -> torch.Tensor:
        parts.bench.stop.requested = step == stop_at
        return loss(batch, step)

    monkeypatch.setattr(parts, "loss", stopping)
    with pytest.raises(Interrupted):
        train(parts.bench, parts, parts.draws, PLAN)
    resumed = prepare(method, tmp_path / "parts", tiny_base)
    train(resumed.bench, resumed, resumed.draws, PLAN)
    expected = whole.state()
    assert all(np.array_equal(value, expected[name]) for name, value in resumed.state().items())


def test_what_stands_beside_the_text_is_half_of_what_the_network_reads(
    tmp_path: Path, tiny_base: str
) -> None:
    alone = prepare("lora", tmp_path, tiny_base)
    text = alone.bank
    beside = torch.randn(len(text), 4)
    frozen = SequenceObjective(
        alone.bench, alone.network, text, alone.exam, alone.draws, beside=beside
    )
    read = frozen.read(text)
    assert read is not None
    assert torch.allclose(read[:, : text.shape[1]] ** 2, text**2 / 2)
    assert torch.allclose(read[:, text.shape[1] :] ** 2, beside**2 / 2)
    assert alone.read(text) is text and alone.read(None) is None


def test_the_kinds_of_texts_are_alike_in_size(tmp_path: Path, tiny_base: str) -> None:
    folder = engine_shop.write_job(tmp_path / "job", base=tiny_base)
    vectors = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    characters = np.random.default_rng(2).normal(size=(6, 5)).astype(np.float32)
    characters[4] = 0.0  # an item without a word
    job = read_job(folder, tasks=("recommendation",), methods=tuple(ADAPTERS))
    texts = Texts(find_base(job.base_model), Reading(1.0, ""), vectors=vectors)
    assert texts.kinds == (vectors,) and replace(texts, vectors=None).kinds == ()
    first, second = replace(texts, characters=characters).kinds
    sizes = np.linalg.norm(second, axis=1)
    assert first is vectors and sizes[4] == 0.0
    assert np.delete(sizes, 4) == pytest.approx(np.linalg.norm(vectors, axis=1).mean())
