"""Bodies in the inbox are packed at once, by whatever is loaded, and opened whoever packed them."""

import subprocess
import sys
import threading

import pytest

from tenants.behaviour.streaming import packing
from tenants.behaviour.streaming.packing import ZSTD, pack, unpack

BODY = b'{"batch": [' + b'{"type": "track"}, ' * 500 + b"{}]}"


@pytest.fixture
def unloaded():
    """As in a process that has packed nothing."""
    packing._coming.cache_clear()
    packing._codec.cache_clear()
    yield
    packing._coming.cache_clear()


def test_the_first_body_waits_for_no_library(unloaded, monkeypatch):
    wait, real = threading.Event(), packing._codec

    def slow():
        wait.wait(10)
        return real()

    monkeypatch.setattr(packing, "_codec", slow)
    first = pack(BODY)
    assert not first.startswith(ZSTD) and len(first) < len(BODY) / 4
    wait.set()
    packing._coming().result(10)
    later = pack(BODY)
    assert later.startswith(ZSTD) and len(later) < len(BODY) / 4
    assert unpack(first, len(BODY)) == unpack(later, len(BODY)) == BODY


def test_who_takes_no_tracking_request_loads_nothing_for_it():
    code = "import sys, tenants.behaviour.streaming.packing; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
