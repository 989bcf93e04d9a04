"""Makes the installation's secrets once and keeps them in one file that only its owner reads."""

import base64
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from secrets import token_bytes, token_urlsafe

from launcher.trouble import Trouble


@dataclass(frozen=True)
class Secrets:
    """What a local run needs and nobody may guess. `repr` shows none of it."""

    postgres_password: str
    owner_password: str
    app_password: str
    redis_password: str
    secret_key: str
    master_key: str  # base64 of 32 bytes: the root of every tenant's keys
    demo_password: str

    def __repr__(self) -> str:
        return "Secrets(…)"


def _password() -> str:
    return token_urlsafe(24)


_MAKERS: dict[str, Callable[[], str]] = {
    "secret_key": lambda: token_urlsafe(48),
    "master_key": lambda: base64.b64encode(token_bytes(32)).decode(),
    "demo_password": lambda: token_urlsafe(12),
}


def make() -> Secrets:
    """New random secrets, kept nowhere."""
    return Secrets(
        **{field.name: _MAKERS.get(field.name, _password)() for field in fields(Secrets)}
    )


def load_or_make(path: Path, *, data: Path) -> Secrets:
    """The secrets in `path`; those that are missing are made and written there first.

    Raises Trouble when the file is unreadable, or gone while `data` (the database that only these
    secrets open) exists: new ones would lock its owner out for good.
    """
    if not path.exists() and data.exists():
        raise Trouble(
            f"{path} is gone, and without it {data} cannot be opened. Put it back from a "
            f"backup, or move {path.parent} away to begin anew."
        )
    stored = _read(path)
    secrets = Secrets(**(asdict(make()) | stored))
    if asdict(secrets) != stored:
        _write(path, secrets)
    return secrets


def _read(path: Path) -> dict[str, str]:
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Trouble(f"{path} cannot be read ({error}). Put it back from a backup.") from error
    names = {field.name for field in fields(Secrets)}
    if not isinstance(stored, dict) or not all(
        isinstance(stored[name], str) for name in names & stored.keys()
    ):
        raise Trouble(f"{path} does not hold names and texts. Put it back from a backup.")
    return {name: stored[name] for name in names & stored.keys()}


def _write(path: Path, secrets: Secrets) -> None:
    """One rename: the file is there whole or not at all, and its owner's alone from the start."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(secrets), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
