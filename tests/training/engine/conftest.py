"""One tiny base model and one finished run for all engine tests."""

from pathlib import Path

import pytest

from tests.training.engine import engine_shop
from training.engine import run


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return engine_shop.make_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_base: str) -> Path:
    """The folder of a run that ended well, never to be written to."""
    folder = engine_shop.write_job(tmp_path_factory.mktemp("job") / "shop", base=tiny_base)
    process = engine_shop.start(folder)
    assert process.wait() == run.DONE, (folder / "stderr.txt").read_text()
    return folder
