"""The settings as production has them, in a process of its own. Connects to nothing."""

import base64
import os
import secrets
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def environment(**more: str) -> dict[str, str]:
    """What a production start needs, with fresh secrets; `more` replaces or adds."""
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "attune.settings",
        "ATTUNE_MODE": "production",
        "ALLOWED_HOSTS": "attune.example.com",
        "DATABASE_URL": "postgresql://attune_app:pw@nowhere/attune",
        "REDIS_URL": "redis://:pw@nowhere:6379/0",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "ATTUNE_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        **more,
    }


def run(*arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """python ARGUMENTS in the project's root with `environment(**more)`."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment(**more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def check(**more: str) -> "subprocess.CompletedProcess[str]":
    """`manage.py check --deploy`, where a warning fails."""
    return run("manage.py", "check", "--deploy", "--fail-level", "WARNING", **more)
