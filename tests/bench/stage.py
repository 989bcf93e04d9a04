"""A throw-away product for benchmarks: embedded PostgreSQL and Redis as `make up` sets them, the
web server by the launcher's own command line, and tenants with data and a published version.

No worker runs: what was uploaded before the server starts is processed here.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGKILL
from subprocess import Popen, TimeoutExpired
from typing import Any

from launcher.places import ROOT
from launcher.ports import HOST, any_free
from launcher.process import Process, signal_whole, spawn
from launcher.table import product
from launcher.test import run_beside

INSIDE = "ATTUNE_STAGE"
# So high that no request of a benchmark meets them: names of `plans.Plan`.
UNLIMITED = {"requests_per_second": 1e6, "burst": 1_000_000, "at_once": 10_000}
PATIENCE = 60.0  # seconds until the web server answers
# The tenants' items are numbered apart: a number is one item's in the whole installation.
STRIDE = 1_000


@dataclass(frozen=True)
class Stage:
    """`shops` by name, each a `tests.business.Business` whose key holds every scope."""

    host: str
    port: int
    shops: Mapping[str, Any]
    server: Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def grant(self, name: str, limits: Mapping[str, float]) -> None:
        """Give the tenant these limits instead of its plan's; {} is the plan again."""
        from tenants.accounts.models import Tenant

        business = self.shops[name]
        with business.scope:
            Tenant.objects.filter(pk=business.tenant.id).update(granted=dict(limits))


def on_stage(main: Callable[[], int | None]) -> None:
    """Run this script's `main` beside a throw-away PostgreSQL and Redis, and exit with its status.

    The script starts twice: outside it only starts the services, inside it finds their addresses
    in its environment, and Django is ready.
    """
    if os.environ.pop(INSIDE, None) is None:
        os.environ[INSIDE] = "yes"
        sys.exit(run_beside(sys.argv, {}))
    import django

    django.setup()
    sys.exit(main())


@contextmanager
def stage(
    *names: str, people: int = 60, workers: int | None = None, threads: int | None = None
) -> Iterator[Stage]:
    """The product with one stocked tenant per name, each without limits. Inside `on_stage` alone.

    people: how many of the shop's subjects consented and have a history (`shop.user(0)` …).
    workers, threads: of the web server; None is what the product ships with.
    """
    with tempfile.TemporaryDirectory(prefix="attune-stage-") as folder:
        shops = _open_shops(Path(folder), names, people)
        log = Path(folder) / "web.log"
        with served(log, workers=workers, threads=threads) as (port, server):
            made = Stage(HOST, port, shops, server, log)
            for name in names:
                made.grant(name, UNLIMITED)
            yield made


@contextmanager
def served(
    log: Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    settings: str = "attune.settings",
) -> Iterator[tuple[int, Popen[bytes]]]:
    """The web server alone, on the database as it is: its port and its process."""
    port = any_free()
    chosen = {"--workers": workers, "--blocking-threads": threads}
    process = web_process(port, chosen, settings)
    with log.open("ab") as file:
        server = spawn(process, env=process.env, cwd=ROOT, log=file)
    try:
        wait_until_healthy(server, port, log)
        yield port, server
    finally:
        _stop(process, server)


@contextmanager
def landing(log: Path) -> Iterator[Popen[bytes]]:
    """The worker that lands what tracking requests told, as the product ships it: its process."""
    env = _without_owner("attune.settings")
    process = _named("worker-streams", 0, env)
    with log.open("ab") as file:
        worker = spawn(process, env=process.env, cwd=ROOT, log=file)
    try:
        yield worker  # what it is rung for before it listens waits for it
    finally:
        _stop(process, worker)


def cpu_seconds(process: Popen[bytes]) -> float:
    """What the process has computed so far, in all its threads (proc(5), stat)."""
    told = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def still_waiting(business: Any) -> int:
    """How many acknowledged requests of the tenant are not landed yet."""
    from tenants.behaviour.models import WaitingRequest

    with business.scope:
        return WaitingRequest.objects.count()


def wait_until_landed(business: Any, seconds: float = 240.0) -> None:
    deadline = time.monotonic() + seconds
    while left := still_waiting(business):
        if time.monotonic() > deadline:
            raise SystemExit(f"{left} acknowledged requests are not landed")
        time.sleep(0.05)


def web_process(
    port: int, chosen: Mapping[str, int | None], settings: str = "attune.settings"
) -> Process:
    """The launcher's own web process with the chosen words exchanged; without the owner's URL."""
    web = _named("web", port, _without_owner(settings))
    words = list(web.argv)
    for option, value in chosen.items():
        if value is not None:
            words[words.index(option) + 1] = str(value)
    return replace(web, argv=tuple(words))


def _without_owner(settings: str) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
    return {**env, "DJANGO_SETTINGS_MODULE": settings}


def _named(name: str, port: int, env: Mapping[str, str]) -> Process:
    """A line of the launcher's table."""
    plan = product(port=port, var=Path(env["ATTUNE_VAR"]), env=env, setup_env=env)
    return next(process for process in plan.serving if process.name == name)


def wait_until_healthy(server: Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _healthy(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the web server did not start:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)


def _healthy(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=3)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _stop(process: Process, server: Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(process.grace)
    except TimeoutExpired:
        signal_whole(process, server.pid, SIGKILL)
        server.wait()


def _open_shops(folder: Path, names: Sequence[str], people: int) -> dict[str, Any]:
    """Train a small bundle, migrate meanwhile, and stock and publish each tenant."""
    from django.core.management import call_command

    from tests import shop
    from tests.business import make_business
    from tests.stocked import publish, stock
    from tests.trained import give_version, renumbered, train

    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(train, folder / "job")
        call_command("migrate", database="owner", interactive=False, verbosity=0)
        shops = {name: make_business(name) for name in names}
        firsts = {name: shop.FIRST_ITEM + n * STRIDE for n, name in enumerate(names)}
        for name, business in shops.items():
            stock(business, range(people), firsts[name])
        artifact = training.result()
    for name, business in shops.items():
        bundle = renumbered(artifact, folder / f"bundle-{name}", firsts[name])
        publish(business, give_version(business, bundle))
    return shops
