"""`python -m launcher.test [pytest arguments]`: pytest beside a throw-away PostgreSQL and Redis.
Both live in a temporary folder and are gone afterwards; no other database is ever reached."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from launcher import kept_secrets, postgres, redis_server
from launcher.embedded import start_postgres, start_redis
from launcher.environment import Services, serving, setting_up
from launcher.locks import try_lock
from launcher.places import ROOT, Places
from launcher.ports import any_free
from launcher.process import Process
from launcher.supervisor import Stopped, Supervisor
from launcher.trouble import Trouble

_PREFIX = "attune-test-"
# The data is thrown away: durability would only cost time.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def main(arguments: Sequence[str]) -> int:
    """Exit status of pytest; 1 on Trouble, 128 + signal when stopped."""
    return run_beside(("-m", "pytest", *arguments), _FAST)


def run_beside(words: Sequence[str], tuning: Mapping[str, str]) -> int:
    """Run Python with `words` beside both services; `tuning` goes to PostgreSQL. As `main`."""
    _sweep()
    places, lock = _claim_folder()
    try:
        return _run(places, words, tuning)
    except Trouble as trouble:
        print(f"attune: {trouble}", file=sys.stderr)
        return 1
    except Stopped as stopped:
        return 128 + stopped.kind
    finally:
        shutil.rmtree(places.var, ignore_errors=True)
        os.close(lock)


def _run(places: Places, words: Sequence[str], tuning: Mapping[str, str]) -> int:
    secrets = kept_secrets.make()
    for folder in (places.run, places.log):
        folder.mkdir()
    with Supervisor(
        var=places.var, run=places.run, log=places.log, cwd=ROOT, say=_nobody
    ) as supervisor:
        server = postgres.Server(places.postgres, any_free(), secrets.postgres_password, tuning)
        queue = redis_server.Server(places.redis, any_free(), secrets.redis_password)
        app_url, owner_url = start_postgres(
            supervisor, server, secrets, run=places.run, say=_nobody
        )
        services = Services(app_url, owner_url, start_redis(supervisor, queue, _nobody))
        env = serving(os.environ, services=services, secrets=secrets, var=places.var, mode="test")
        return supervisor.finish(
            Process(
                name="beside",
                argv=(sys.executable, *words),
                env=setting_up(env, services),
                terminal=True,
            )
        )


def _nobody(line: str) -> None:
    """The tests' own report is what is read."""


def _claim_folder() -> tuple[Places, int]:
    """A new temporary folder and the descriptor that holds its lock."""
    while True:
        var = Path(tempfile.mkdtemp(prefix=_PREFIX))
        lock = try_lock(var / "lock")
        if lock is not None:  # else another run's sweep came between
            return Places(var=var), lock


def _sweep() -> None:
    """Removes what killed test runs of ours left; a live run holds its folder's lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        ours = not folder.is_symlink() and folder.stat().st_uid == os.geteuid()
        if not ours or not (folder / "lock").exists():
            continue
        lock = try_lock(folder / "lock")
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
