"""The training loop: what a stop between two steps keeps, and that nothing depends on the stop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.engine import engine_shop
from training.engine.arrays import Tensors
from training.engine.checkpoint import Checkpoints
from training.engine.exam import prepare_exam
from training.engine.job import read_job
from training.engine.loop import Plan, train
from training.engine.network import NO_TARGET, Batch
from training.engine.progress import Progress
from training.engine.sampling import Sampler
from training.engine.sequence_objective import SequenceObjective
from training.engine.sequence_training import build_network, prepare_sampler, train_sequence
from training.engine.snapshot import Snapshot, read_snapshot
from training.engine.split import Split, split
from training.engine.stopping import Interrupted, Stop
from training.engine.workbench import Workbench

PLAN = Plan(
    series="sequence",
    steps=9,
    steps_per_epoch=4,
    measure_every=3,
    batch_size=16,
    warmup=2,
    weight_decay=0.01,
    patience=9,
)


class Silent:
    """A stream that swallows what it is told."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Snapshot, Split]:
    folder = engine_shop.write_job(tmp_path_factory.mktemp("loop") / "job", base="tiny")
    snapshot = read_snapshot(folder)
    return folder, snapshot, split(snapshot, days=14.0, repeats=None)


class StoppedAt(SequenceObjective):
    """Asks the run to stop during one of its steps."""

    stop_at = -1

    def loss(self, batch: Batch, step: int) -> torch.Tensor:
        self.bench.stop.requested = step == self.stop_at
        return super().loss(batch, step)


def bench(shop: tuple[Path, Snapshot, Split], kept: Path) -> Workbench:
    job = read_job(shop[0], tasks=("recommendation",), methods=("lora",))
    kept.mkdir(exist_ok=True)
    progress = Progress(kept, {"sequence": 1.0}, Silent())  # type: ignore[arg-type]
    checkpoints = Checkpoints(kept / "checkpoint", "one")
    return Workbench(job, progress, checkpoints, Stop(), torch.device("cpu"), fast=False)


def objective(
    shop: tuple[Path, Snapshot, Split], kept: Path, stop_at: int = -1
) -> tuple[StoppedAt, Sampler]:
    _, snapshot, parts = shop
    made = bench(shop, kept)
    draws = prepare_sampler(made.job, snapshot.events, parts)
    network = build_network(made, draws, snapshot.events, 0, len(snapshot.catalogue))
    exam = prepare_exam(made, snapshot.events, parts, parts.cases["fusion"])
    prepared = StoppedAt(made, network, None, exam, draws)
    prepared.stop_at = stop_at
    return prepared, draws


def trained(shop: tuple[Path, Snapshot, Split], kept: Path, stop_at: int = -1) -> Tensors:
    prepared, draws = objective(shop, kept, stop_at)
    train(prepared.bench, prepared, draws, PLAN)
    return prepared.state()


@pytest.mark.parametrize("stop_at", [0, 2, 3, 4, 8])
def test_a_loop_that_was_stopped_ends_with_the_same_weights(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path, stop_at: int
) -> None:
    torch.set_num_threads(1)
    whole = trained(shop, tmp_path / "whole")
    with pytest.raises(Interrupted):
        trained(shop, tmp_path / "parts", stop_at)
    resumed = trained(shop, tmp_path / "parts")
    assert set(resumed) == set(whole)
    for name, value in whole.items():
        assert np.array_equal(resumed[name], value), name


def test_training_changes_what_it_should_and_lowers_the_loss(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path
) -> None:
    prepared, draws = objective(shop, tmp_path / "kept")
    batch = draws.batch(draws.stretches(1, 0)[:64], 1, 0)
    prepared.network.eval()
    before = prepared.loss(batch, 0).item()
    prepared.network.train()
    start = prepared.state()
    train(prepared.bench, prepared, draws, PLAN)
    prepared.network.eval()
    assert prepared.loss(batch, 0).item() < before
    unchanged = [name for name, value in prepared.state().items() if (value == start[name]).all()]
    assert unchanged == ["met"]


def test_a_training_that_starts_below_what_there_is_ends_at_its_first_measurement(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path
) -> None:
    prepared, draws = objective(shop, tmp_path / "kept")
    course = train(prepared.bench, prepared, draws, replace(PLAN, floor=1.0))
    assert (course["steps"], course["best_step"]) == (PLAN.measure_every, PLAN.measure_every)
    for floor in (0.0, course["best"]):
        prepared, draws = objective(shop, tmp_path / f"above {floor}")
        above = train(prepared.bench, prepared, draws, replace(PLAN, floor=floor))
        assert above["steps"] == PLAN.steps > PLAN.measure_every


@pytest.mark.parametrize(("most", "epochs"), [(10**9, 1.0), (0.5, 0.5)])
def test_of_very_many_events_a_processor_reads_a_part(
    shop: tuple[Path, Snapshot, Split],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: float,
    epochs: float,
) -> None:
    prepared, draws = objective(shop, tmp_path / "kept")
    monkeypatch.setattr("training.engine.sequence_training._GOOD_EVENTS", 1)
    monkeypatch.setattr("training.engine.sequence_training._MOST_EVENTS", most * len(draws))
    params = {**prepared.bench.job.params, "epochs": None, "batch_size": 8}
    made = replace(prepared.bench, job=replace(prepared.bench.job, params=params))
    course = train_sequence(made, prepared, draws)
    assert course["epochs"] == pytest.approx(epochs, abs=0.05)


def test_a_finished_loop_is_not_trained_again(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path
) -> None:
    first = trained(shop, tmp_path / "kept")
    prepared, draws = objective(shop, tmp_path / "kept", stop_at=0)
    train(prepared.bench, prepared, draws, PLAN)
    assert all(np.array_equal(value, first[name]) for name, value in prepared.state().items())


def test_a_stretch_is_asked_about_at_each_place_at_most_once(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path
) -> None:
    _, draws = objective(shop, tmp_path / "kept")
    ranges = draws.stretches(1, 0)[:64]
    batch = draws.batch(ranges, 1, 0)
    for (start, end), places, targets in zip(ranges, batch.place, batch.target, strict=True):
        asked = places[targets >= 0].tolist()
        askable = np.flatnonzero(draws.weight[start:end])
        assert len(set(asked)) == len(asked) == min(draws.questions, len(askable))
        assert set(asked) <= set(askable.tolist())


def test_places_that_ask_nothing_do_not_move_the_loss(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path
) -> None:
    prepared, draws = objective(shop, tmp_path / "kept")
    prepared.network.eval()
    batch = draws.batch(draws.stretches(1, 0)[:16], 1, 0)
    twice = {
        name: torch.cat([getattr(batch, name), getattr(batch, name)], dim=1)
        for name in ("place", "asked", "age", "target")
    }
    twice["target"][:, batch.target.shape[1] :] = NO_TARGET
    idle = replace(batch, **twice)
    assert prepared.loss(idle, 0).item() == pytest.approx(prepared.loss(batch, 0).item(), rel=1e-5)


def test_an_epoch_shows_every_event_that_is_asked_about_once_in_stretches_of_one_subject(
    shop: tuple[Path, Snapshot, Split], tmp_path: Path
) -> None:
    _, draws = objective(shop, tmp_path / "kept")
    told = draws.events
    assert 0 < len(draws) == (told.time < draws.moment).sum() < len(told)
    for epoch in range(3):
        ranges = draws.stretches(1, epoch)
        shown = np.concatenate([np.arange(start, end) for start, end in ranges])
        assert len(set(shown.tolist())) == len(shown)
        assert set(np.flatnonzero(draws.weight).tolist()) <= set(shown.tolist())
        assert (told.time[shown] < draws.moment).all()
        assert 0 < (ranges[:, 1] - ranges[:, 0]).max() <= draws.length
        for start, end in ranges:
            assert len(set(told.subject[start:end].tolist())) == 1
