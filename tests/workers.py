"""Two pytest processes side by side (`-n 2`): what each has for itself, and who runs what.

Each gets a Redis database and a folder of its own here, a test database in tests/conftest.py.
Without `-n` nothing of this is used.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from xdist.scheduler import LoadScopeScheduling

# What stays in one process: the launcher's tests share one first run and look for ports that nobody
# uses, the engine's share one trained run. Files go one by one, those with many tests first; the
# few long tests beside the folders would come last, when the other process has nothing to do.
TOGETHER = ("tests/platform/launcher/", "tests/training/engine/", "tests/test_")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """The environment of each process, set before it reads the settings."""
    for number, spec in enumerate(specs, start=1):
        shared = Path(os.environ["ATTUNE_VAR"])
        own = shared / f"worker-{number}"
        own.mkdir()
        (own / "log").symlink_to(shared / "log")  # the database's, which a test reads
        redis = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}")
        spec.env = {**spec.env, "ATTUNE_VAR": str(own), "REDIS_URL": urlunsplit(redis)}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return ByFolderOrFile(config, log)


class ByFolderOrFile(LoadScopeScheduling):
    """Hands out whole files, so that what a module shares is made once; see TOGETHER."""

    def _split_scope(self, nodeid: str) -> str:
        folder = next((name for name in TOGETHER if nodeid.startswith(name)), None)
        return folder or nodeid.split("::")[0]
