"""The proof's reading of progress files finds what it claims to find."""

import json

from tests.bench.jobs_steps import repeated, resumed, split


def lines(*steps: tuple[str, int, float]) -> list[str]:
    """One attempt that does these steps: loop, number, second."""
    stages = {"sequence": 4, "finetune": 5}
    told: list[dict[str, object]] = [{"stage": "read", "stage_index": 1}]
    for loop, step, second in steps:
        if told[-1].get("series") != loop:
            told.append({"stage": loop, "stage_index": stages[loop]})
        at = f"2026-01-01T00:00:{second:06.3f}+00:00"
        told.append({"metric": "loss", "series": loop, "step": step, "at": at})
    return [json.dumps(line) for line in told]


def test_an_attempt_begins_where_the_stages_begin_anew():
    cut = [*lines(("sequence", 0, 1.0)), '{"metric": "lo']
    assert [a.reached for a in split([*cut, *lines(("finetune", 0, 2.0))])] == [4, 5]


def test_an_attempt_that_begins_behind_the_first_step_has_resumed():
    first = lines(("sequence", 0, 1.0), ("sequence", 1, 1.1), ("sequence", 2, 1.2))
    assert resumed(split([*first, *lines(("sequence", 2, 9.0))])) == 1
    assert resumed(split([*first, *lines(("sequence", 0, 9.0))])) == 0


def test_an_attempt_that_skips_a_whole_loop_has_resumed():
    first = lines(("sequence", 0, 1.0), ("finetune", 0, 2.0))
    stage = json.dumps({"stage": "sequence", "stage_index": 4})
    second = lines(("finetune", 0, 9.0))
    assert resumed(split([*first, second[0], stage, *second[1:]])) == 1


def test_only_what_lies_further_back_than_the_interval_counts_as_repeated():
    first = lines(*(("finetune", step, 1.0 + step / 10) for step in range(10)))
    for again, times in ((9, 0), (5, 0), (3, 1), (0, 1)):
        attempts = split([*first, *lines(("finetune", again, 20.0))])
        assert len(repeated(attempts, 0.3)) == times
