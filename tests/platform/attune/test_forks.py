"""What a worker may not have done before it forks its processes."""

import subprocess
import sys

LOADED = """
import os
import django

django.setup()
from django.core.checks import run_checks

run_checks()
print([open(f"/proc/self/task/{t}/comm").read().strip() for t in os.listdir("/proc/self/task")])
"""


def test_loading_the_product_asks_polars_nothing():
    """The threads that answer do not live on in a forked process: its first question would wait
    for them for ever.
    """
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "python" in done.stdout
    assert "polars-0" not in done.stdout
