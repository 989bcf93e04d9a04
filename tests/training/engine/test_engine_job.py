"""A job is read whole and checked whole; whatever is wrong is named, with what to do."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.engine import engine_shop
from training.engine.failures import JobError
from training.engine.job import Job, read_job
from training.engine.params import PARAMS


def read(folder: Path) -> Job:
    return read_job(folder, tasks=("recommendation",), methods=("lora",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return engine_shop.write_job(tmp_path / "job", base="tiny", params={})


def change(folder: Path, **facts: Any) -> None:
    path = folder / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))


def refusal(folder: Path) -> JobError:
    with pytest.raises(JobError) as caught:
        read(folder)
    return caught.value


def test_auto_leaves_a_parameter_to_its_usual_value_or_to_the_data(folder: Path) -> None:
    change(folder, params={"dim": "auto", "repeats": "auto", "lora_rank": 4})
    params = read(folder).params
    assert (params["dim"], params["repeats"], params["lora_rank"]) == (128, None, 4)


def test_every_parameter_is_in_a_read_job(folder: Path) -> None:
    assert set(read(folder).params) == set(PARAMS)


def test_an_unknown_parameter_is_named(folder: Path) -> None:
    change(folder, params={"lora_rnak": 8})
    error = refusal(folder)
    assert (error.code, error.param) == ("unknown_param", "lora_rnak")


@pytest.mark.parametrize(
    ("name", "value"),
    [("dim", 7), ("dim", 8.5), ("dropout", 0.9), ("repeats", 1), ("epochs", True), ("dim", "8")],
)
def test_a_value_out_of_bounds_or_of_another_kind_is_refused(
    folder: Path, name: str, value: Any
) -> None:
    change(folder, params={name: value})
    error = refusal(folder)
    assert (error.code, error.param) == ("bad_param", name)


def test_a_width_that_the_heads_do_not_divide_is_refused(folder: Path) -> None:
    change(folder, params={"dim": 10, "heads": 4})
    error = refusal(folder)
    assert (error.code, error.param) == ("bad_param", "heads")


@pytest.mark.parametrize(
    ("facts", "param"),
    [
        ({"task": "poetry"}, "task"),
        ({"method": "magic"}, "method"),
        ({"device": "tpu"}, "device"),
        ({"seed": -1}, "seed"),
        ({"threads": 0}, "threads"),
        ({"format": 2}, "format"),
        ({"params": []}, "params"),
        ({"files": None}, "files"),
    ],
)
def test_a_wrong_field_is_named(folder: Path, facts: dict[str, Any], param: str) -> None:
    change(folder, **facts)
    error = refusal(folder)
    assert (error.code, error.param) == ("bad_job", param)


def test_a_changed_snapshot_file_is_refused(folder: Path) -> None:
    with (folder / "events.parquet").open("ab") as file:
        file.write(b"x")
    error = refusal(folder)
    assert (error.code, error.param) == ("snapshot_damaged", "events.parquet")


def test_a_missing_snapshot_file_is_refused(folder: Path) -> None:
    (folder / "items.parquet").unlink()
    error = refusal(folder)
    assert (error.code, error.param) == ("snapshot_gone", "items.parquet")
