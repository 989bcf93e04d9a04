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
# uses, the engine's share one trained run. Files go one by one.
TOGETHER = ("tests/platform/launcher/", "tests/training/engine/")
# Seconds of what has few tests and takes long: the longest goes first, so that both processes end
# together. Rough figures do; whatever is not here takes USUAL for each of its tests.
LONG = {
    "tests/training/engine/": 100,
    "tests/test_access_matrix.py": 100,
    "tests/platform/launcher/": 90,
    "tests/platform/test_api_document.py": 45,
    "tests/platform/dashboard/test_story.py": 40,
    "tests/training/jobs/test_devices.py": 30,
    "tests/training/jobs/test_groups.py": 25,
    "tests/training/jobs/test_shared_jobs.py": 20,
    "tests/platform/attune/test_web_process.py": 25,
    "tests/tenants/departure/test_finishing.py": 20,
    "tests/tenants/tracking/test_snippet.py": 20,
    "tests/training/jobs/test_repeat.py": 20,
    "tests/platform/attune/test_web_server.py": 15,
    "tests/tenants/behaviour/test_large_files.py": 15,
    "tests/test_whole_story.py": 15,
}
USUAL = 0.15


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
    """Hands out whole files, so that what a module shares is made once; see TOGETHER and LONG."""

    def _assign_work_unit(self, node: Any) -> None:
        longest = max(self.workqueue, key=self._seconds)
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)

    def _seconds(self, scope: str) -> float:
        return LONG.get(scope, USUAL * len(self.workqueue[scope]))

    def _split_scope(self, nodeid: str) -> str:
        folder = next((name for name in TOGETHER if nodeid.startswith(name)), None)
        return folder or nodeid.split("::")[0]
