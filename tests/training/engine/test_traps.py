"""Traps that others fell into, each with a test that names it."""

import json
import signal
import struct
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from tests.training.engine import engine_shop, test_engine_finetuning
from training.engine import run
from training.engine.adapters import ADAPTERS
from training.engine.board import Board
from training.engine.checkpoint import Checkpoints
from training.engine.finetuning import FinetuneObjective, finetune
from training.engine.job import Job
from training.engine.lineage import fingerprint, read_record, write_record
from training.engine.loop import Plan, train
from training.engine.progress import Progress
from training.engine.stopping import Interrupted
from training.engine.workbench import prepare_device


@pytest.fixture
def plain_torch() -> Any:
    """Threads and determinism as they were, after what changes them for the whole process."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(strict)


def adapter(objective: FinetuneObjective) -> dict[str, np.ndarray]:
    trainable = test_engine_finetuning.trainable(objective)
    return {name: value.detach().numpy().copy() for name, value in trainable.items()}


def test_an_adapter_starts_from_the_jobs_seed_whatever_was_drawn_before(
    tmp_path: Path, tiny_base: str
) -> None:
    """PEFT draws A from the global generator: seeding after `get_peft_model` comes too late."""
    torch.manual_seed(1)
    first = adapter(test_engine_finetuning.prepare("lora", tmp_path / "one", tiny_base))
    torch.manual_seed(2)
    torch.rand(100)
    second = adapter(test_engine_finetuning.prepare("lora", tmp_path / "two", tiny_base))
    assert any(value.any() for value in first.values())
    assert all(np.array_equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("method", ADAPTERS)
def test_the_unused_pooler_is_not_adapted(method: str, tmp_path: Path, tiny_base: str) -> None:
    """A default that takes every linear layer trains weights that no score depends on."""
    objective = test_engine_finetuning.prepare(method, tmp_path, tiny_base)
    names = list(test_engine_finetuning.trainable(objective))
    assert names and not [name for name in names if "pooler" in name]


def test_b_starts_at_zero_and_has_moved_after_training(tmp_path: Path, tiny_base: str) -> None:
    """An adapter that is not in the graph trains without an error, and nothing comes of it."""
    objective = test_engine_finetuning.prepare("lora", tmp_path, tiny_base)
    before = {name: value for name, value in adapter(objective).items() if "lora_B" in name}
    assert before and not any(value.any() for value in before.values())
    finetune(objective.bench, objective, objective.draws)
    after = adapter(objective)
    assert all(np.abs(after[name]).max() > 0 for name in before)


DIES = """
import os, sys
from pathlib import Path
import numpy as np
from training.engine import sealed
from training.engine.checkpoint import Checkpoints

kept = Checkpoints(Path(sys.argv[1]), "one")
kept.save("loop", {"w": np.zeros(10)}, {"step": 1})
setattr(sealed, sys.argv[2], lambda *_: os._exit(9))
kept.save("loop", {"w": np.ones(10)}, {"step": 2})
"""


@pytest.mark.parametrize("at", ["_write_tensors", "_write_flushed", "flush"])
def test_a_checkpoint_whose_writer_died_is_never_taken(at: str, tmp_path: Path) -> None:
    """Others write in place and resume from the highest number, whole or not."""
    folder = tmp_path / "checkpoint"
    done = subprocess.run([sys.executable, "-c", DIES, str(folder), at], check=False)
    assert done.returncode == 9
    saved = Checkpoints(folder, "one").load("loop")
    assert saved and saved.facts == {"step": 1}
    Checkpoints(folder, "one").save("loop", {"w": np.ones(10)}, {"step": 2})
    again = Checkpoints(folder, "one").load("loop")
    assert again and again.facts == {"step": 2}


class StoppedInMeasuring(FinetuneObjective):
    """Is asked to stop while it encodes the catalogue for its second measurement."""

    measured = 0
    encoded_since = 0

    def measure(self) -> float:
        self.measured += 1
        return super().measure()

    def _encode_group(self, texts: Any) -> torch.Tensor:
        self.encoded_since += self.bench.stop.requested
        if self.measured == 2 and torch.is_inference_mode_enabled():
            self.bench.stop.requested = True
        return super()._encode_group(texts)


PLAN = Plan(
    series="finetune", steps=6, steps_per_epoch=3, measure_every=2, batch_size=16, warmup=1,
    weight_decay=0.01, patience=9,
)  # fmt: skip


def test_a_stop_while_measuring_is_obeyed_at_once_and_costs_no_bit(
    tmp_path: Path, tiny_base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags that are looked at between steps alone leave a run deaf while it evaluates."""
    monkeypatch.setattr("training.engine.encoder._TOKENS_AT_ONCE", 16)

    def prepared(kept: str, kind: type[FinetuneObjective]) -> FinetuneObjective:
        (tmp_path / kept).mkdir(exist_ok=True)
        made = test_engine_finetuning.prepare("lora", tmp_path / kept, tiny_base)
        return kind(made, made.tuned, made.readings)

    torch.set_num_threads(1)
    whole = prepared("whole", FinetuneObjective)
    train(whole.bench, whole, whole.draws, PLAN)
    stopped = prepared("parts", StoppedInMeasuring)
    assert len(list(stopped.readings.tokens.groups())) > 5
    with pytest.raises(Interrupted):
        train(stopped.bench, stopped, stopped.draws, PLAN)
    assert isinstance(stopped, StoppedInMeasuring)
    assert (stopped.measured, stopped.encoded_since) == (2, 0)
    resumed = prepared("parts", FinetuneObjective)
    course = train(resumed.bench, resumed, resumed.draws, PLAN)
    assert course["steps"] == 6
    expected = whole.state()
    assert all(np.array_equal(value, expected[name]) for name, value in resumed.state().items())


def test_a_stop_is_obeyed_between_two_cases_of_an_evaluation(tmp_path: Path) -> None:
    """`Workbench.step` stands between two cases, two groups of texts, two steps of any stage."""
    from training.engine.stopping import Stop
    from training.engine.workbench import Workbench

    stop, progress = Stop(), Progress(tmp_path, {"evaluate": 1.0}, StringIO())
    kept = Checkpoints(tmp_path / "checkpoint", "one")
    job = Job("recommendation", "tiny", "lora", 1, "cpu", 1, {}, {})
    bench = Workbench(job, progress, kept, stop, torch.device("cpu"), fast=False)
    before = signal.getsignal(signal.SIGTERM)
    try:
        stop.watch()
        bench.step(1, 100)
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            bench.step(2, 100)
    finally:
        signal.signal(signal.SIGTERM, before)
        progress.close()


def test_a_long_stage_is_heard_of_every_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor that asks only whether the process lives never finds one that hangs; one that
    waits for the end of a stage would kill one that works."""
    moments = iter(np.arange(0.0, 100.0, 0.1).tolist())
    monkeypatch.setattr("training.engine.progress.time.monotonic", lambda: next(moments))
    told = StringIO()
    progress = Progress(tmp_path, {"encode": 1.0, "publish": 1.0}, told)
    progress.stage("encode")
    for done in range(300):
        progress.step(done, 1_000)
    progress.close()
    steps = [json.loads(line).get("step", 0) for line in told.getvalue().splitlines()]
    assert len(steps) >= 28
    assert max(np.diff(steps)) <= 11


def test_a_run_that_goes_on_keeps_the_number_of_threads_it_began_with(
    tmp_path: Path, tiny_base: str, plain_torch: None
) -> None:
    """Sums in another order are other sums: a resumed run on more cores would end otherwise."""
    few = engine_shop.purchases(subjects=1)
    folder = engine_shop.write_job(tmp_path / "job", base=tiny_base, events=few, threads=None)
    assert run.main([str(folder)]) == run.BAD_INPUT
    record = read_record(folder)
    assert record and record["threads"] == torch.get_num_threads()
    write_record(folder, {**record, "threads": record["threads"] + 1})
    assert run.main([str(folder)]) == run.BAD_INPUT
    kept = read_record(folder)
    assert kept and kept["threads"] == record["threads"] + 1


def test_numpy_keeps_to_the_threads_of_the_run_as_well(plain_torch: None) -> None:
    """A run "on one thread" whose matrix library takes every core is not repeatable elsewhere."""
    from threadpoolctl import threadpool_info, threadpool_limits

    pools = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    try:
        prepare_device(Job("recommendation", "tiny", "lora", 1, "cpu", 1, {}, {}))
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
    finally:
        threadpool_limits(max(pools.values(), default=1))


RECORD = {
    "seed": 1, "code": "a", "threads": 1, "device": "cpu", "versions": {"torch": "2"},
    "base_model": {"files": {"model.safetensors": "x"}}, "snapshot": {"events.parquet": "y"},
    "origin": {"job": "one"}, "commit": "c", "hardware": {"cpu": "AVX2"},
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"threads": 2},
        {"base_model": {"files": {"model.safetensors": "z"}}},
        {"snapshot": {"events.parquet": "z"}},
        {"versions": {"torch": "3"}},
        {"code": "b"},
        {"device": "cuda:0"},
    ],
)
def test_a_checkpoint_made_with_anything_else_is_not_gone_on_from(change: dict[str, Any]) -> None:
    """Others resume on whatever base, data or library lies there now."""
    assert fingerprint({**RECORD, **change}) != fingerprint(RECORD)


def test_a_checkpoint_serves_on_another_machine_and_under_another_commit() -> None:
    told = {"origin": {}, "commit": "d", "hardware": {"cpu": "AVX512"}}
    assert fingerprint({**RECORD, **told}) == fingerprint(RECORD)


def read_events(path: Path) -> list[Event]:
    """The events of a TFRecord file, its checksums checked."""
    content, events = path.read_bytes(), []
    while content:
        length, told = struct.unpack("<QI", content[:12])
        assert told == masked(content[:8])
        body = content[12 : 12 + length]
        assert struct.unpack("<I", content[12 + length : 16 + length])[0] == masked(body)
        events.append(Event.FromString(body))
        content = content[16 + length :]
    return events


def masked(data: bytes) -> int:
    value = int(crc32c(data)) & 0xFFFFFFFF
    return (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def test_every_run_leaves_curves_that_tensorboard_reads(finished: Path) -> None:
    (path,) = (finished / "tensorboard").iterdir()
    events = read_events(path)
    assert events[0].file_version == "brain.Event:2"
    points = {value.tag: value for event in events[1:] for value in event.summary.value}
    names = ("loss", "learning_rate", "grad_norm", "valid_ndcg@10")
    assert set(points) >= {f"{s}/{n}" for s in ("sequence", "finetune") for n in names}
    lines = (finished / "progress.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines if '"loss"' in line and '"metric"' in line]
    drawn = [e for e in events[1:] if e.summary.value[0].tag.endswith("/loss")]
    assert [event.step for event in drawn] == [line["step"] for line in told]
    assert [e.summary.value[0].simple_value for e in drawn] == pytest.approx(
        [line["value"] for line in told], abs=1e-5
    )


def test_each_attempt_draws_into_a_file_of_its_own(tmp_path: Path) -> None:
    """Appending to a file that a killed writer left half a record in makes the rest unreadable."""
    for step in (1, 2):
        board = Board(tmp_path / "tensorboard")
        board.point("sequence/loss", step, 0.5)
        board.close()
    files = sorted((tmp_path / "tensorboard").iterdir())
    assert [path.name[-6:] for path in files] == ["000001", "000002"]
    assert [read_events(path)[1].step for path in files] == [1, 2]
