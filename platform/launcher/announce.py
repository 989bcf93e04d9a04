"""What a run prints for the person who started it."""

import json
from contextlib import suppress
from pathlib import Path

from launcher.ports import HOST

# Key in demo.json, which load_demo writes, and label.
_DEMO_LINES = (
    ("email", "sign in"),
    ("password", "password"),
    ("api_key", "API key"),
    ("curl", "try"),
)


def say(line: str) -> None:
    """One line, shown at once."""
    show(f"attune | {line}")


def show(text: str) -> None:
    """Prints `text`; a terminal that is gone (a closed window, a cut pipe) must not end the run."""
    with suppress(OSError):
        print(text, flush=True)


def address(port: int) -> str:
    return f"http://{HOST}:{port}"


def welcome(port: int, demo: Path) -> str:
    """The address, and the demo tenant's sign-in, key and curl line where there is one."""
    lines = {"open": address(port)}
    try:
        stored = json.loads(demo.read_text())
        lines |= {label: stored[key] for key, label in _DEMO_LINES if key in stored}
    except FileNotFoundError:
        lines["demo"] = "none"
    except ValueError:
        lines["demo"] = f"{demo} cannot be read; remove it and run make up again"
    lines["stop"] = "Ctrl-C"
    return "\n".join(f"  {label:<9} {text}" for label, text in lines.items())
