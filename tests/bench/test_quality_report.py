"""What the benchmark claims: nothing from an unfinished rival, and only what was measured."""

import sys
from typing import Any

import numpy as np

from tests.bench.quality.judging import NAMES
from tests.bench.quality.plan import QUICK, limit_of, planned
from tests.bench.quality.processes import _ended
from tests.bench.quality.report import KEYS, shown, verdicts
from tests.bench.quality.results import Result

DRAWS = np.random.default_rng(3)
QUESTIONS = 60
SUBJECTS = np.arange(QUESTIONS)


def result(contender: str, ndcg: float, **more: Any) -> Result:
    figures = np.abs(DRAWS.normal(ndcg, 0.02, (QUESTIONS, len(NAMES))))
    told = {
        "task": "scientific",
        "contender": contender,
        "seed": 0,
        "chosen": {"half_life": 3.0},
        "tried": 4,
        "validation": ndcg,
        "finished": True,
        "told": "",
        "train_seconds": 10.0,
        "train_cpu_seconds": 9.0,
        "peak_memory_mb": 100.0,
        "whole": {"coverage@10": 0.5, "gini@10": 0.5, "serve_ms": 1.0},
        "unreachable": 0,
        "explained": {},
    }
    fresh = np.zeros((QUESTIONS, 2), dtype=np.int64)
    return Result(**{**told, **more}, subjects=SUBJECTS, figures=figures, fresh=fresh)


def table(*results: Result) -> dict[str, dict[str, list[Result]]]:
    told: dict[str, dict[str, list[Result]]] = {}
    for each in results:
        told.setdefault(each.task, {}).setdefault(each.contender, []).append(each)
    return told


def test_the_served_choice_is_held_against_the_best_finished_rival() -> None:
    told = verdicts(table(result("engine", 0.6), result("ease", 0.5), result("popular", 0.1)))
    assert told["scientific_best_single"] == "ease"
    low, high = told["scientific_ratio_to_best_single_interval"]  # type: ignore[misc]
    assert 1.1 < low <= told["scientific_ratio_to_best_single"] <= high < 1.3  # type: ignore[operator]
    assert told["min_lower_bound_to_best_single"] == low


def test_an_unfinished_rival_gives_no_ratio_and_is_shown_as_unfinished() -> None:
    late = result("sasrec", 0.9, finished=False)
    results = table(result("engine", 0.6), result("ease", 0.5), late)
    assert verdicts(results)["scientific_best_single"] == "ease"
    assert verdicts(results)["train_ratio_to_sasrec"] is None
    assert "sasrec (unfinished)" in shown(results)
    assert "engine / sasrec" not in shown(results)


def test_what_was_not_measured_is_not_claimed() -> None:
    told = verdicts(table(result("ease", 0.5)))
    missing = told.pop("missing")
    assert set(told.values()) == {None}
    assert set(told) == set(KEYS) == set(missing)


def test_seconds_are_compared_where_a_rival_ended_and_is_no_better() -> None:
    """By the clock and by the processors: the larger share is the claim."""

    def told(task: str, rival: float) -> dict[str, object]:
        rows = (("engine", 0.6, 30.0, 40.0), ("sasrec", rival, 100.0, 100.0))
        return verdicts(
            table(
                *(
                    result(name, ndcg, task=task, train_seconds=clock, train_cpu_seconds=processors)
                    for name, ndcg, clock, processors in rows
                )
            )
        )

    alone = told("scientific", 0.5)
    assert alone["train_ratio_to_sasrec"] == 0.4
    assert alone["scientific_train_ratio_to_sasrec"] == [0.3, 0.4]
    assert alone["retail_repeats_train_ratio_to_sasrec"] is None
    assert "retail_repeats_train_ratio_to_sasrec" in alone["missing"]
    assert told("retail_repeats", 0.7)["train_ratio_to_sasrec"] is None


def test_the_share_of_explanations_that_agree_is_the_lowest_of_all_tasks() -> None:
    told = verdicts(
        table(
            result("engine", 0.6, explained={"checked": 10, "agreed": 9}),
            result("engine", 0.6, task="retail_repeats", explained={"checked": 10, "agreed": 8}),
        )
    )
    assert told["explanation_agrees"] == 0.8
    assert told["scientific_explanation_agrees"] == 0.9


def test_the_plan_of_a_short_run_fits_into_ten_minutes() -> None:
    assert planned() <= 600.0
    assert all(limit_of(world, name, quick=True) > seconds for world, plan in QUICK.items() for name, seconds in plan.items())  # fmt: skip # noqa: E501


def test_a_process_that_uses_more_than_its_share_is_ended() -> None:
    used, told = _ended([sys.executable, "-c", "while True: pass"], 1.0)
    assert 0.5 < used < 3.0
    assert told.startswith("ended at")
    assert _ended([sys.executable, "-c", "pass"], 30.0)[1] == ""
    assert "ValueError: bad" in _ended([sys.executable, "-c", "raise ValueError('bad')"], 30.0)[1]


def test_a_model_that_stopped_at_what_is_popular_gives_no_ratio_of_text() -> None:
    with_text = result("engine.sequence_judged", 0.5)
    for finished in (True, False):
        bare = result("engine.sequence_no_text_judged", 0.1, finished=finished)
        claimed = verdicts(table(with_text, bare))["text_ratio_to_no_text"]
        assert (claimed is not None) == finished


def test_how_one_process_ended_is_told_once() -> None:
    stages = "serves fusion; read 1 s"
    told = shown(
        table(
            result("engine", 0.6, told=stages),
            result("engine.content", 0.4, told=stages),
            result("engine.sequence_lora_judged", 0.5, told="80 steps, best at 40"),
            result("ease", 0.5),
        )
    )
    chosen = told[told.index("how it ended") :]
    assert chosen.count(stages) == 1 and "80 steps, best at 40" in chosen
    assert "| ease" in chosen and "engine.content" not in chosen.split("ratio of")[0]
