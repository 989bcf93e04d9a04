"""The process table of a local run: which set-up steps come first, and what serves."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.ports import HOST
from launcher.process import Process

# Name -> arguments of manage.py; it may run again without doing anything twice.
_SETUP: dict[str, tuple[str, ...]] = {"set-up": ("set_up",)}
# Name -> command ({...} is filled in) and the seconds it gets to finish what it holds. A worker
# that has to be killed loses nothing: its row's lease runs out and the row is taken up again.
# The web server reads requests in an event loop and answers them in threads. What it bears of one
# before the door sees it: 100 headers, about 32 KiB of them with the address (else 431), 10 seconds
# until they are there, and as many of silence on a connection that waits for its next request.
_SERVING: dict[str, tuple[str, float]] = {
    "web": (
        "attune.web attune.wsgi:application --interface wsgi --host {host} --port {port}"
        " --workers 2 --blocking-threads 16 --http 1 --no-ws --http1-buffer-size 32768"
        " --http1-header-read-timeout 10000 --respawn-failed-workers --workers-kill-timeout 8s"
        " --no-access-log --log-config platform/attune/web_log.json",
        10.0,
    ),
    "worker-default": (
        "celery -A attune worker -Q default -n default@%h --pool prefork --concurrency 2",
        15.0,
    ),
    "worker-streams": (
        "celery -A attune worker -Q streams -n streams@%h --pool solo",
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
