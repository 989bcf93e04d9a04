"""Starts the embedded database and broker and waits until both answer."""

import os
from collections.abc import Callable
from pathlib import Path

from launcher import postgres, redis_server, roles
from launcher.kept_secrets import Secrets
from launcher.supervisor import Supervisor
from launcher.trouble import Trouble

# Recovery after a kill replays the write-ahead log first.
_PATIENCE = 120.0  # seconds


def start_postgres(
    supervisor: Supervisor,
    server: postgres.Server,
    secrets: Secrets,
    *,
    run: Path,
    say: Callable[[str], None],
) -> tuple[str, str]:
    """The URLs of the app role and of the owner role of a server that now runs. Raises Trouble."""
    _forget_libpq()
    process = postgres.prepare(server, drafts=run, run_step=supervisor.run_step, say=say)
    supervisor.start(process)
    admin = roles.url(
        role=postgres.ADMIN,
        password=server.password,
        port=server.port,
        database="postgres",
    )
    supervisor.wait_until(roles.answers(admin), name=process.name, seconds=_PATIENCE)
    passwords = {roles.OWNER: secrets.owner_password, roles.APP: secrets.app_password}
    roles.ensure_database(admin, passwords)
    app, owner = (
        roles.url(role=role, password=passwords[role], port=server.port)
        for role in (roles.APP, roles.OWNER)
    )
    return app, owner


def start_redis(
    supervisor: Supervisor, server: redis_server.Server, say: Callable[[str], None]
) -> str:
    """The URL of a Redis that now runs. Raises Trouble.

    A log that it cannot read is set aside: it held kicks alone, and beat kicks again.
    """
    url = redis_server.url(server)
    process = redis_server.prepare(server)
    ready = redis_server.answers(url)
    supervisor.start(process)
    try:
        supervisor.wait_until(ready, name=process.name, seconds=_PATIENCE)
    except Trouble as trouble:
        if redis_server.BROKEN_LOG not in str(trouble):
            raise
        say(f"Redis could not read its log; set it aside as {redis_server.set_log_aside(server)}")
        supervisor.start(process)
        supervisor.wait_until(ready, name=process.name, seconds=_PATIENCE)
    return url


def _forget_libpq() -> None:
    """PGSSLMODE, PGSERVICE and their like are meant for other servers than this one of ours."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
