"""The process table of a local run: which set-up steps come first, and what serves."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.ports import HOST
from launcher.process import Process

# Name -> arguments of manage.py, in order; each may run again without doing anything twice.
_SETUP: dict[str, tuple[str, ...]] = {
    "migrate": ("migrate", "--database", "owner", "--noinput"),
    "demo": ("load_demo", "--begin"),
}
# Name -> command ({...} is filled in) and the seconds it gets to finish what it holds. A worker
# that has to be killed loses nothing: its row's lease runs out and the row is taken up again.
# The web server's control socket would stand in the home folder, where two runs meet.
_SERVING: dict[str, tuple[str, float]] = {
    "web": (
        "gunicorn attune.wsgi:application --bind {host}:{port} --worker-class gthread --workers 2"
        " --threads 8 --access-logfile - --graceful-timeout 8 --no-control-socket",
        10.0,
    ),
    "worker-default": (
        "celery -A attune worker -Q default -n default@%h --pool prefork --concurrency 2",
        15.0,
    ),
    "worker-gpu": (
        "celery -A attune worker -Q gpu -n gpu@%h --pool threads --concurrency 1",
        15.0,
    ),
    "beat": ("celery -A attune beat --schedule {var}/beat-schedule", 10.0),
}


@dataclass(frozen=True)
class Plan:
    """Steps that run to their end one after the other, then what serves, in order of starting."""

    steps: tuple[Process, ...]
    serving: tuple[Process, ...]


def product(*, port: int, var: Path, env: Mapping[str, str], setup_env: Mapping[str, str]) -> Plan:
    """The real product. Only the set-up steps get `setup_env`, which names the owner role."""
    steps = (
        Process(name=name, argv=(sys.executable, "manage.py", *words), env=setup_env)
        for name, words in _SETUP.items()
    )
    values = {"host": HOST, "port": port, "var": var}
    serving = (
        Process(name=name, argv=(sys.executable, "-m", *_words(line, values)), env=env, grace=grace)
        for name, (line, grace) in _SERVING.items()
    )
    return Plan(tuple(steps), tuple(serving))


def _words(line: str, values: Mapping[str, object]) -> list[str]:
    """Split first, filled in second: the folder's name may hold blanks."""
    return [word.format(**values) for word in line.split()]
