"""Several processes train as one: the weights of one that is alone, and one end for all of them."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.training.engine import engine_shop
from tests.training.engine.test_engine_finetuning import prepare
from tests.training.engine.warm import Run
from training.engine import following, run
from training.engine.arrays import Tensors
from training.engine.failures import JobError
from training.engine.finetuning import FinetuneObjective
from training.engine.following import MEETING_FILE
from training.engine.job import Job
from training.engine.loop import Plan, train
from training.engine.network import Batch
from training.engine.params import read_params
from training.engine.ranks import Ranks
from training.engine.sequence_objective import SequenceObjective
from training.engine.workbench import prepare_device

PLAN = Plan(
    series="one", steps=6, steps_per_epoch=4, measure_every=3, batch_size=17, warmup=2,
    weight_decay=0.01, patience=9,
)  # fmt: skip
PROCESSES = multiprocessing.get_context("forkserver")


def train_as(rank: int, size: int, kept: Path, base: str, which: str, params: dict) -> None:
    """One rank of a short loop; leaves its weights in `kept`/RANK.safetensors."""
    torch.set_num_threads(1)
    own = kept / str(rank)
    own.mkdir()
    ranks = Ranks(rank, size)
    objective: SequenceObjective = prepare("lora", own, base, ranks=ranks, params=params)
    if which == "sequence":
        objective = frozen_of(objective)
    if size > 1:
        ranks.join(kept / "meeting", torch.device("cpu"))
    train(objective.bench, objective, objective.draws, PLAN)
    if size > 1:
        ranks.leave()
    save_file(objective.state(), kept / f"{rank}.safetensors")


def frozen_of(objective: Any) -> SequenceObjective:
    text = torch.from_numpy(objective.readings.text)
    made = SequenceObjective(
        objective.bench, objective.network, text, objective.exam, objective.draws
    )
    assert not isinstance(made, FinetuneObjective)
    return made


def trained(size: int, kept: Path, base: str, which: str, **params: Any) -> list[Tensors]:
    """The weights of every rank after the same few steps."""
    kept.mkdir()
    settings = {**engine_shop.QUICK, "devices": size, **params}
    processes = [
        PROCESSES.Process(target=train_as, args=(rank, size, kept, base, which, settings))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    return [load_file(kept / f"{rank}.safetensors") for rank in range(size)]


def losses(kept: Path) -> list[float]:
    lines = map(json.loads, (kept / "0" / "progress.jsonl").read_text().splitlines())
    return [line["value"] for line in lines if line.get("metric") == "loss"]


def furthest(one: Tensors, other: Tensors) -> float:
    assert set(one) == set(other)
    return max(float(np.abs(one[n] - other[n]).max()) for n in one)


@pytest.mark.parametrize(("which", "size"), [("sequence", 2), ("sequence", 3), ("finetune", 2)])
def test_several_processes_take_the_steps_of_one(
    tmp_path: Path, tiny_base: str, which: str, size: int
) -> None:
    """Without dropout, whose masks each rank draws for itself."""
    (alone,) = trained(1, tmp_path / "alone", tiny_base, which, dropout=0.0)
    every = trained(size, tmp_path / "every", tiny_base, which, dropout=0.0)
    assert furthest(alone, every[0]) < 1e-4
    assert [furthest(every[0], each) for each in every] == [0.0] * size
    one, several = losses(tmp_path / "alone"), losses(tmp_path / "every")
    assert len(one) == PLAN.steps and several == pytest.approx(one, abs=1e-4)
    assert not (tmp_path / "every" / "1" / "progress.jsonl").exists()


def test_with_dropout_the_loss_of_several_stays_near_that_of_one(
    tmp_path: Path, tiny_base: str
) -> None:
    trained(1, tmp_path / "alone", tiny_base, "sequence", dropout=0.2)
    every = trained(2, tmp_path / "every", tiny_base, "sequence", dropout=0.2)
    assert furthest(*every) == 0.0
    one, several = losses(tmp_path / "alone"), losses(tmp_path / "every")
    assert several == pytest.approx(one, rel=0.05) and several != one


def batch(rows: int) -> Batch:
    names = ("item", "type", "gap", "amount", "place", "asked", "age", "target")
    return Batch(**{name: torch.arange(rows)[:, None] for name in names})


@pytest.mark.parametrize("rows", [1, 2, 7, 16])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_row_of_a_batch_falls_to_one_rank(rows: int, size: int) -> None:
    parts = [Ranks(rank, size).part(batch(rows)) for rank in range(size)]
    asking = [part.item[part.target >= 0].tolist() for part in parts]
    assert sorted(row for rows in asking for row in rows) == list(range(rows))
    assert all(len(part.item) for part in parts), "a rank without a row has one that asks nothing"


def test_more_gpus_than_the_machine_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    params = read_params({"devices": 2})
    job = Job("recommendation", "tiny", "lora", 0, "cuda:0", 1, params, {})
    with pytest.raises(JobError) as refused:
        prepare_device(job)
    assert (refused.value.code, refused.value.param) == ("device_missing", "devices")


def test_ranks_of_a_cpu_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))
    try:
        for devices, threads in ((1, 4), (2, 2), (16, 1)):
            params = read_params({"devices": devices})
            prepare_device(Job("recommendation", "tiny", "lora", 0, "cpu", None, params, {}))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


class Ended:
    """A rank that has ended so, or has not."""

    def __init__(self, status: int | None) -> None:
        self.returncode = status

    def poll(self) -> int | None:
        return self.returncode

    def kill(self) -> None:
        self.returncode = -signal.SIGKILL

    def wait(self) -> None:
        assert self.returncode is not None


def end_as(statuses: list[int | None]) -> None:
    following._end_as([Ended(status) for status in statuses])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("statuses", "end"),
    [
        ([run.OUT_OF_MEMORY, following.BEREFT], run.OUT_OF_MEMORY),
        ([following.BEREFT, -signal.SIGKILL], -signal.SIGKILL),
        ([None, run.BAD_INPUT], run.BAD_INPUT),
        ([following.BEREFT, None], following.BEREFT),
        ([0, None], 0),
    ],
)
def test_a_run_ends_as_the_rank_did_that_ended_badly_by_itself(
    statuses: list[int | None], end: int
) -> None:
    process = PROCESSES.Process(target=end_as, args=(statuses,))
    process.start()
    process.join(60)
    assert process.exitcode == end


SOON = 20.0  # seconds; a busy machine takes some to end a process that has loaded torch
# Long enough to be met in the middle of its first loop.
PAIR = {**engine_shop.QUICK, "devices": 2, "epochs": 12}


def pair(folder: Path, base: str) -> Path:
    return engine_shop.write_job(folder, base=base, params=PAIR)


@pytest.fixture(scope="module")
def paired(tmp_path_factory: pytest.TempPathFactory, tiny_base: str) -> Path:
    """A run of two processes that nobody disturbed."""
    folder = pair(tmp_path_factory.mktemp("pair") / "job", tiny_base)
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    return folder


def points(folder: Path) -> int:
    path = folder / "progress.jsonl"
    return path.read_text().count('"loss"') if path.exists() else 0


def wait_for_steps(folder: Path, process: Run) -> None:
    """Until this attempt has drawn some points of its curve."""
    start = points(folder)
    while points(folder) < start + 5:
        assert process.poll() is None, (folder / "stderr.txt").read_text()
        time.sleep(0.01)


def other_of(process: Run) -> int:
    """The process of rank 1."""
    pid = process.pid
    (other,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(other)


def gone(pid: int, seconds: float = SOON) -> bool:
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_a_run_of_two_says_so_in_its_record(paired: Path) -> None:
    manifest = engine_shop.manifest(paired)
    assert (manifest["devices"], manifest["params"]["devices"]) == (2, 2)
    assert manifest["versions"]["accelerate"]
    assert not (paired / MEETING_FILE).exists() and not (paired / "error.json").exists()
    stages = [json.loads(line) for line in (paired / "progress.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in stages if line.get("metric") == "loss"
             and line["series"] == "sequence"]  # fmt: skip
    assert steps == sorted(set(steps)), "one rank alone tells"


def test_a_run_of_two_that_was_stopped_and_lost_a_rank_ends_with_the_same_weights(
    paired: Path, tmp_path: Path, tiny_base: str
) -> None:
    folder = pair(tmp_path / "job", tiny_base)
    process = Run(folder)
    wait_for_steps(folder, process)
    other, asked = other_of(process), time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait() == run.STOPPED, (folder / "stderr.txt").read_text()
    assert time.monotonic() - asked < SOON and gone(other)
    process = Run(folder)
    wait_for_steps(folder, process)
    asked = time.monotonic()
    os.kill(other_of(process), signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "as the one that was lost"
    assert time.monotonic() - asked < SOON
    assert not (folder / "artifact").exists()
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    assert engine_shop.weight_hashes(folder) == engine_shop.weight_hashes(paired)


def test_the_other_rank_ends_with_the_one_that_leads(tmp_path: Path, tiny_base: str) -> None:
    folder = pair(tmp_path / "job", tiny_base)
    process = Run(folder)
    wait_for_steps(folder, process)
    other = other_of(process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert gone(other)
