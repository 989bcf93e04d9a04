"""What a training process does with memory that it has freed."""

import subprocess
import sys

_PAGES = """
import resource
from training.engine.run import prepare_environment
{prepare}
import numpy as np
def used():
    np.ones(1 << 24)  # 128 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
first, *_, last = [used() for _ in range(12)]
print(last - first)
"""


def pages(prepare: str) -> int:
    code = _PAGES.format(prepare=prepare)
    return int(subprocess.check_output([sys.executable, "-c", code], text=True))


def test_an_array_that_comes_back_is_not_zeroed_anew_by_the_system() -> None:
    assert pages("prepare_environment()") < 0.1 * pages("")
