"""Finds TCP ports on 127.0.0.1 and remembers them from run to run. Opens no server."""

import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from launcher.trouble import Trouble

HOST = "127.0.0.1"
DEFAULT_WEB_PORT = 8000
# Below the range that the kernel hands to outgoing connections, so that a server that restarts
# finds its own port again.
RANGES = {"postgres": range(15432, 15532), "redis": range(16379, 16479)}


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def any_free() -> int:
    """Some port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def remembered(path: Path, name: str) -> int:
    """The port that `name` (a key of RANGES) had last, or the first free one; kept in `path`."""
    known = known_ports(path)
    candidates: list[int] = [known.get(name, RANGES[name][0]), *RANGES[name]]
    for port in candidates:
        if is_free(port):
            path.write_text(json.dumps({**known, name: port}))
            return port
    raise Trouble(f"No free port for {name} between {RANGES[name][0]} and {RANGES[name][-1]}.")


def known_ports(path: Path) -> dict[str, int]:
    """The ports kept in `path`; a file that is gone or odd holds none."""
    try:
        stored = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    pairs = stored.items() if isinstance(stored, dict) else ()
    return {name: port for name, port in pairs if isinstance(port, int) and 0 < port < 65536}


def web_port(environ: Mapping[str, str] = os.environ) -> int:
    """The port of the web server: ATTUNE_PORT or 8000; Trouble when it is no port or in use."""
    text = environ.get("ATTUNE_PORT", str(DEFAULT_WEB_PORT))
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise Trouble(f"ATTUNE_PORT is {text!r}; give a number between 1 and 65535.")
    port = int(text)
    if port < 1024 and os.geteuid() != 0:
        raise Trouble(f"Port {port} is for root alone. Choose another: ATTUNE_PORT=8001 make up")
    if not is_free(port):
        raise Trouble(
            f"Port {port} is in use by another program. Stop that program, or choose another "
            f"port: ATTUNE_PORT={port + 1} make up"
        )
    return port
