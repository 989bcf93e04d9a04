"""Lines of exported files that are signed one by one: canonical JSON, and text."""

from collections.abc import Mapping
from typing import Any

import rfc8785


def json_line(content: Mapping[str, Any]) -> bytes:
    """One object as a line of RFC 8785 JSON, which knows no line break."""
    return rfc8785.dumps(dict(content)) + b"\n"


def text_lines(text: str) -> list[bytes]:
    """Any text as the lines of a file."""
    return [line.encode() + b"\n" for line in text.splitlines()]
