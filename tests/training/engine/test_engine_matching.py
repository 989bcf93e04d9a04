"""The learnt map behind the texts: it begins as the frozen reading, learns what follows what, and
orders items by it that nobody has met."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.engine import engine_shop, test_engine_finetuning
from tests.training.engine.warm import Run
from training.engine import run
from training.engine.arrays import DAY, F32
from training.engine.history import Past
from training.engine.matching import Matching, MatchingObjective, learn_matching
from training.engine.network import NO_TARGET, Batch
from training.engine.sampling import batch_of_pasts
from training.engine.sequence_objective import SequenceObjective
from training.engine.stopping import Interrupted

NOW = engine_shop.START.timestamp() + 7 * DAY * engine_shop.WEEKS


@pytest.fixture
def objective(tmp_path: Path, tiny_base: str) -> SequenceObjective:
    """That of the sequence model on the shop's events."""
    return test_engine_finetuning.prepare("lora", tmp_path, tiny_base)


def kinds(width: int = 6) -> tuple[F32, F32]:
    draws = np.random.default_rng(3)
    first, second = draws.normal(size=(2, engine_shop.ITEMS, width))
    return first.astype(np.float32), second.astype(np.float32)


def matching(read: tuple[F32, ...]) -> Matching:
    counts = np.arange(engine_shop.ITEMS)
    return Matching(read, counts, torch.ones(engine_shop.ITEMS), half_life_days=30.0)


def past(*events: tuple[int, float]) -> Past:
    """Purchases of (item, days ago), oldest first."""
    return Past(
        item=np.array([item for item, _ in events]),
        time=np.array([NOW - days * DAY for _, days in events]),
        weight=np.ones(len(events), np.float32),
        type=np.ones(len(events), np.int64),
        value=np.zeros(len(events), np.float32),
    )


def test_the_map_begins_as_the_mean_of_the_frozen_readings_cosines() -> None:
    first, second = kinds()
    vectors = matching((first, second)).vectors(torch.arange(engine_shop.ITEMS)).detach().numpy()
    unit = [kind / np.linalg.norm(kind, axis=1, keepdims=True) for kind in (first, second)]
    alike = (unit[0] @ unit[0].T + unit[1] @ unit[1].T) / 2
    assert vectors @ vectors.T == pytest.approx(alike, abs=1e-5)


def test_an_item_without_texts_has_no_direction() -> None:
    first, _ = kinds()
    first[4] = 0.0
    network = matching((first,))
    torch.nn.init.normal_(network.turn.weight)
    assert network.vectors(torch.tensor([4])).norm() == 0.0


def test_no_question_is_answered_by_what_its_past_holds() -> None:
    network = matching(kinds())
    batch = batch_of_pasts([past((3, 40.0), (7, 2.0)), past((5, 1.0))], NOW, 6)
    every = torch.arange(engine_shop.ITEMS)
    scores, held = network.scores(batch, every, torch.zeros(engine_shop.ITEMS))
    shut = scores[:, 0] < -1e8
    assert shut.nonzero().tolist() == [[0, 3], [0, 7], [1, 5]]
    assert held.tolist() == [[False], [False]]  # nothing is looked for


def test_a_target_that_the_past_holds_is_no_question(objective: SequenceObjective) -> None:
    counts = np.ones(engine_shop.ITEMS, np.int64)
    network = Matching(kinds(), counts, objective.network.met, 30.0)
    learning = MatchingObjective(objective.bench, network, None, objective.exam, objective.draws)
    batch = batch_of_pasts([past((0, 40.0), (7, 2.0)), past((5, 1.0))], NOW, 6)
    batch.target[:] = 0
    whole = learning.loss(batch, 0).item()
    alone = learning.loss(batch.rows(slice(1, 2)), 0).item()
    assert whole == pytest.approx(alone / 2)  # the first has met its target
    batch.target[:] = NO_TARGET
    batch.target[1] = 3
    assert learning.loss(batch, 0).item() > 0.0


def kept_to_one_kind() -> list[dict[str, Any]]:
    """The shop's events, everybody's items of one kind, odd or even, of the first half."""
    half = engine_shop.ITEMS // 2
    return [
        {**row, "item": 101 + ((row["item"] - 101) % (half // 2)) * 2 + row["subject"] % 2}
        for row in engine_shop.purchases()
    ]


def test_what_follows_what_is_learnt_for_items_that_nobody_has_met(
    tmp_path: Path, tiny_base: str
) -> None:
    """A small part of a text tells the kind, and is drowned by the rest at first."""
    objective = test_engine_finetuning.prepare(
        "lora", tmp_path, tiny_base, events=kept_to_one_kind()
    )
    kind = np.arange(engine_shop.ITEMS) % 2
    noise = np.random.default_rng(5).normal(size=(engine_shop.ITEMS, 3))
    told = np.concatenate([noise, np.eye(2)[kind]], axis=1).astype(np.float32)
    source, course = learn_matching(objective.bench, objective, (told,), 30.0)
    frozen = told / np.linalg.norm(told, axis=1, keepdims=True)
    met, new = np.split(np.arange(engine_shop.ITEMS), 2)

    def same_kind_first(vectors: F32) -> float:
        top = new[np.argsort(-vectors[met] @ vectors[new].T, axis=1)[:, :3]]
        return float((kind[top] == kind[met][:, None]).mean())

    assert course["steps"] == 150 and "best" not in course  # nothing was measured
    assert source.causes(past((0, 3.0)), NOW, [20, 22])[0].code in ("follows_text", "overall_fit")
    assert same_kind_first(source.vector) > same_kind_first(frozen) + 0.15


def test_a_map_whose_learning_was_stopped_ends_the_same(
    tmp_path: Path, tiny_base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    plain = MatchingObjective.loss

    def learnt(kept: str, stop_at: int = -1) -> F32:
        objective = test_engine_finetuning.prepare("lora", tmp_path / kept, tiny_base)

        def stopping(self: MatchingObjective, batch: Batch, step: int) -> torch.Tensor:
            objective.bench.stop.requested = step == stop_at
            return plain(self, batch, step)

        monkeypatch.setattr(MatchingObjective, "loss", stopping)
        return learn_matching(objective.bench, objective, kinds(), 30.0)[0].vector

    whole = learnt("whole")
    with pytest.raises(Interrupted):
        learnt("parts", stop_at=70)
    assert np.array_equal(learnt("parts"), whole)


def test_the_map_is_learnt_where_items_wait_that_nobody_has_met(
    tmp_path: Path, tiny_base: str
) -> None:
    titles = [engine_shop.title(item) for item in range(engine_shop.ITEMS + 6)]
    folder = engine_shop.write_job(
        tmp_path / "job", base=tiny_base, catalogue=engine_shop.items(titles)
    )
    assert Run(folder).wait() == run.DONE, (folder / "stderr.txt").read_text()
    manifest = engine_shop.manifest(folder)
    told = {source["name"]: source for source in manifest["sources"]}["content_matched"]
    assert told["metrics"]["test"]["ndcg@10"] > 0.0 and told["training"]["steps"] == 150
    lines = (folder / "progress.jsonl").read_text().splitlines()
    fractions = [line["fraction"] for line in map(json.loads, lines) if "fraction" in line]
    assert fractions == sorted(fractions)
