"""Reads settings from the environment, strictly: a missing or odd value stops the start.

Every name may also be given as NAME_FILE, the path of a file that holds the value (secrets).
"""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# Values that stand in examples; production refuses them.
PLACEHOLDERS = ("changeme", "change-me", "secret", "insecure", "default", "example")


def text(name: str, default: str | None = None) -> str:
    """The value of `name` or of the file in `name`_FILE; ImproperlyConfigured when absent."""
    path = os.environ.get(f"{name}_FILE")
    value = _content(name, path) if path else os.environ.get(name, default)
    if value is None or (value == "" and default is None):
        raise ImproperlyConfigured(
            f"{name} is not set. Set it (or {name}_FILE), or run `make up` for local mode."
        )
    return value


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {error}") from error


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`, nothing else."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; choose one of {', '.join(allowed)}")
    return value


def gibibytes(name: str, default: int) -> int:
    """A whole number of GiB above 0, as bytes."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not int(value):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number of GiB above 0")
    return int(value) << 30


def days(name: str, default: int, *, least: int) -> int:
    """A whole number of days, `least` or more."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; write {least} days or more")
    return int(value)


def addresses(name: str) -> dict[str, str]:
    """Folders or fsspec addresses by name, as "name=address" separated by commas or lines."""
    pairs = [entry.partition("=") for entry in names(name)]
    if not all(key.strip() and mark and value.strip() for key, mark, value in pairs):
        raise ImproperlyConfigured(f"{name}: write name=address, separated by commas")
    return {key.strip(): value.strip() for key, _, value in pairs}


def number(name: str, default: int) -> int:
    """A whole number above 0."""
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit() or not int(value):
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number above 0")
    return int(value)


def names(name: str, default: str = "") -> list[str]:
    """A list without blanks, separated by commas, or in a file by lines."""
    parts = text(name, default).replace("\n", ",").split(",")
    return [part.strip() for part in parts if part.strip()]


def secret(name: str, *, local: bool, at_least: int = 32) -> str:
    """A secret that in production is neither short nor a placeholder."""
    value = text(name)
    if not local and (len(value) < at_least or any(word in value.lower() for word in PLACEHOLDERS)):
        raise ImproperlyConfigured(
            f"{name} is a default or too short; production needs {at_least} random characters"
        )
    return value
