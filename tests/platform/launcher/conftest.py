"""Real runs of the launcher in folders whose names are long and hold blanks."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from launcher_runs import LONG, Run

from launcher import ports


@pytest.fixture(autouse=True)
def hang_ups_are_heard() -> Iterator[None]:
    """Under nohup a hang-up is ignored, and whatever a test starts would inherit that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What a first run leaves behind: an empty database and the secrets that open it."""
    home = tmp_path_factory.mktemp("template")
    run = Run(var=home / "var", port=ports.any_free()).start()
    assert run.stop() == 0
    for name in ("run", "log"):
        shutil.rmtree(run.var / name)
    for name in ("ports.json", "step.json", "note.json", "grandchild"):
        (run.var / name).unlink(missing_ok=True)  # what starts last may not have written yet
    yield run.var
    shutil.rmtree(home)


@pytest.fixture
def fresh_run(tmp_path: Path) -> Iterator[Run]:
    """A first run, not yet started; whatever it starts is gone after the test."""
    home = tmp_path / LONG
    home.mkdir()
    run = Run(var=home / "var", port=ports.any_free())
    yield run
    if run.process is not None and not run.ended():
        run.stop()
    shutil.rmtree(home)


@pytest.fixture
def run(fresh_run: Run, template: Path) -> Run:
    """The same in a folder where another run was before: quicker, nothing is to be made."""
    shutil.copytree(template, fresh_run.var)
    return fresh_run


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Iterator[Run]:
    """A run that is up, shared by the tests of one file that leave it as it was."""
    home = tmp_path_factory.mktemp("shared") / LONG
    home.mkdir()
    shutil.copytree(template, home / "var")
    run = Run(var=home / "var", port=ports.any_free()).start()
    yield run
    run.stop()
    shutil.rmtree(home)
