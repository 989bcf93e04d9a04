"""The embedded PostgreSQL: makes and heals its data folder, and says how to run the server.
Speaks no SQL; roles and databases are made in `roles`."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from launcher.leftovers import started
from launcher.ports import HOST
from launcher.process import Process
from launcher.trouble import Trouble
from launcher.unprivileged import Way, find_way, give
from launcher.wheels import postgres_program

ADMIN = "postgres"
MAJOR = "18"
_CONTROL_FILE_BYTES = 8192  # PG_CONTROL_FILE_SIZE
# The log must not quote rows, and an error's text, its statement and its details all do. Whoever
# asked is told the error and logs it without values.
_QUIET_LOG = {
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
}
# Nothing of the caller's may leak in: PGDATA, PGPORT or a locale would change what runs.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(frozen=True)
class Server:
    """A data folder, the port on 127.0.0.1 and settings beyond the defaults."""

    data: Path
    port: int
    password: str
    settings: Mapping[str, str]


def prepare(
    server: Server,
    *,
    drafts: Path,
    run_step: Callable[[Process], None],
    say: Callable[[str], None],
) -> Process:
    """Makes the data folder if need be; the process that serves it.

    The caller holds the lock of the run, so nobody else works in the folder. The server listens on
    TCP alone: a socket file would bring a second lock file that outlives a kill, and a path that
    can be too long. Raises Trouble.
    """
    way = find_way(postgres_program("postgres"))
    if not server.data.exists():
        say("making the database folder")
        _initialise(server, way, drafts / "password", run_step)
    _check_version(server.data)
    give(server.data, way)
    return Process(
        name="postgres",
        argv=_command(server, way),
        env=_ENVIRONMENT,
        service=True,
        stop_signal=Signals.SIGINT,  # "fast": ends sessions, writes a checkpoint
        grace=60.0,
        orphan_signal=Signals.SIGQUIT,  # "immediate": the next start recovers
        prepare=lambda: _clear_lock_file(server.data, say),
    )


def _command(server: Server, way: Way) -> tuple[str, ...]:
    settings = {
        "listen_addresses": HOST,
        "port": str(server.port),
        "unix_socket_directories": "",
        **_QUIET_LOG,
        **server.settings,
    }
    words = [*way.prefix, str(postgres_program("postgres")), "-D", str(server.data)]
    words += ["-c", "password_encryption=scram-sha-256"]
    for name, value in settings.items():
        words += ["-c", f"{name}={value}"]
    return tuple(words)


def _initialise(
    server: Server, way: Way, password_file: Path, run_step: Callable[[Process], None]
) -> None:
    """initdb beside the final place, then one rename: the folder is there whole or not at all.

    The built-in C.UTF-8 locale (PostgreSQL 17 and later) sorts alike on every machine.
    """
    draft = server.data.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    os.chown(draft, way.uid, way.gid)
    command = (*way.prefix, str(postgres_program("initdb")), "-D", str(draft))
    locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin")
    speed = ("--no-sync",) if server.settings.get("fsync") == "off" else ()
    access = (f"--username={ADMIN}", f"--pwfile={password_file}", "--auth=scram-sha-256")
    password_file.touch(mode=0o600)
    try:
        password_file.write_text(server.password)
        argv = (*command, *locale, "--builtin-locale=C.UTF-8", *access, *speed)
        run_step(Process(name="initdb", argv=argv, env=_ENVIRONMENT))
    finally:
        password_file.unlink()
    draft.rename(server.data)


def set_aside_half_written(data: Path, say: Callable[[str], None]) -> None:
    """Moves a folder that never became a database out of the way, deleting nothing."""
    if not data.exists():
        return
    control = data / "global" / "pg_control"
    whole = (data / "PG_VERSION").is_file() and control.is_file()
    if whole and control.stat().st_size == _CONTROL_FILE_BYTES:
        return
    aside = data.with_name(f"{data.name}.half-written-{int(time.time())}")
    data.rename(aside)
    say(f"{data} was half written and holds no database; moved to {aside.name}, making a new one")


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise Trouble(
            f"{data} was made by PostgreSQL {found}, this is {MAJOR}. Load a dump of it into a new "
            "folder, or move it away to begin anew."
        )


def _clear_lock_file(data: Path, say: Callable[[str], None]) -> None:
    """Removes `postmaster.pid` once no server works in `data`.

    A stale one stops the start when its pid has become some other process of ours. What still
    works there has lost its supervisor (the caller holds the run's lock), so it is stopped first.
    """
    orphans = _servers_in(data)
    for pid in orphans:
        _end(pid)
    if orphans:
        say("stopped a PostgreSQL that an earlier run had left behind")
    (data / "postmaster.pid").unlink(missing_ok=True)


def _servers_in(data: Path) -> list[int]:
    """Live PostgreSQL processes whose working directory is `data`; the servers all move there."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            name = Path(f"/proc/{entry}/comm").read_text().strip()
            if name == "postgres" and os.path.samefile(f"/proc/{entry}/cwd", data):
                found.append(int(entry))
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return [pid for pid in found if started(pid) is not None]


def _end(pid: int, patience: float = 30.0) -> None:
    """SIGQUIT to a server process ("immediate"), SIGKILL when that does not end it."""
    for kind in (Signals.SIGQUIT, Signals.SIGKILL):
        try:
            os.kill(pid, kind)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while started(pid) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
