"""`python -m launcher.up`: the whole product on this machine, in the foreground, until Ctrl-C.
Prepares what the settings need and starts the processes; knows nothing of Django."""

import os
import sys
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException

from launcher import external, kept_secrets, postgres, redis_server
from launcher.announce import address, say, show, welcome
from launcher.embedded import start_postgres, start_redis
from launcher.environment import Services, serving, setting_up
from launcher.kept_secrets import Secrets
from launcher.leftovers import run_prefix, stop_leftovers
from launcher.locks import try_lock
from launcher.places import LOCAL, Places
from launcher.ports import HOST, remembered, web_port
from launcher.supervisor import Stopped, Supervisor
from launcher.table import Plan, product
from launcher.trouble import Trouble

_WEB_PATIENCE = 180.0  # seconds: the first start compiles every file


def main(places: Places = LOCAL, plan: Callable[..., Plan] = product) -> int:
    """Exit status: 0 after a clean stop or when another run serves already, 1 on Trouble."""
    try:
        _claim_folder(places)
        lock = try_lock(places.lock)
        if lock is None:
            say(f"already running: {places.lock.read_text() or 'just starting'}")
            return 0
        _stop_earlier_run(places)
        port = web_port()
        places.lock.write_text(f"{address(port)} (pid {os.getpid()}), logs in {places.log}")
        _serve(places, port, plan)
    except Trouble as trouble:
        print(f"attune: {trouble}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"attune: {error}. Look at free space and at who owns the folder.", file=sys.stderr)
        return 1
    except Stopped as stopped:
        say(f"stopped ({stopped.kind.name})")
    except KeyboardInterrupt:  # before anything was started
        return 130
    return 0


def _claim_folder(places: Places) -> None:
    """Makes the folders; Trouble where they belong to somebody else, whom we would lock out."""
    if places.var.exists() and places.var.stat().st_uid != os.geteuid():
        raise Trouble(
            f"{places.var} belongs to another user (id {places.var.stat().st_uid}). Run make up as "
            "that user, or move the folder away."
        )
    for folder in (places.var, places.run, places.log):
        folder.mkdir(mode=0o700, exist_ok=True)


def _stop_earlier_run(places: Places) -> None:
    """We hold the run's lock: whatever still carries this folder's mark has no supervisor."""
    stopped = stop_leftovers(places.run, mark=run_prefix(places.var))
    if stopped:
        say(f"stopped {len(stopped)} processes that an earlier run had left behind")
    for record in places.run.glob("*.pid"):
        record.unlink()


def _serve(places: Places, port: int, plan: Callable[..., Plan]) -> None:
    postgres.set_aside_half_written(places.postgres, say)
    secrets = kept_secrets.load_or_make(places.secrets, data=places.postgres)
    with Supervisor(
        var=places.var, run=places.run, log=places.log, cwd=places.root, say=say
    ) as supervisor:
        services = _services(supervisor, places, secrets)
        env = serving(os.environ, services=services, secrets=secrets, var=places.var, mode="local")
        env["ATTUNE_PORT"] = str(port)
        todo = plan(port=port, var=places.var, env=env, setup_env=setting_up(env, services))
        for step in todo.steps:
            say(f"{step.name} runs")
            supervisor.run_step(step)
        web, *others = todo.serving
        supervisor.start(web)
        # Beside it they would keep whoever waits for the first page waiting twice as long.
        supervisor.wait_until(_healthy(port), name=web.name, seconds=_WEB_PATIENCE)
        for process in others:
            supervisor.start(process)
        show(welcome(port, places.demo))
        supervisor.forever()


def _services(supervisor: Supervisor, places: Places, secrets: Secrets) -> Services:
    """Starts what the environment does not name; looks at what it names."""
    if os.environ.get("DATABASE_URL"):
        app_url, owner_url = external.database_urls(os.environ, secrets)
    else:
        port = remembered(places.ports, "postgres")
        server = postgres.Server(places.postgres, port, secrets.postgres_password, {})
        app_url, owner_url = start_postgres(supervisor, server, secrets, run=places.run, say=say)
    if os.environ.get("REDIS_URL"):
        return Services(app_url, owner_url, external.redis_url(os.environ))
    port = remembered(places.ports, "redis")
    queue = redis_server.Server(places.redis, port, secrets.redis_password)
    return Services(app_url, owner_url, start_redis(supervisor, queue, say))


def _healthy(port: int) -> Callable[[], bool]:
    """A question: does the web server say that it is well?"""

    def ask() -> bool:
        connection = HTTPConnection(HOST, port, timeout=3)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    return ask


if __name__ == "__main__":
    if sys.argv[1:]:
        print("attune: make up takes no words. The port: ATTUNE_PORT=8001 make up", file=sys.stderr)
        sys.exit(2)
    sys.exit(main())
