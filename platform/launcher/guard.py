"""Waits beside a supervisor and, when that dies without a word, stops all that it started.

The kernel's death signal reaches only direct children; this reaches their children, too. Run as
`python -m launcher.guard DESCRIPTOR RUN_FOLDER MARK`; the supervisor holds the other end.
"""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from launcher.leftovers import stop_leftovers

_FAREWELL = b"."


class Guard:
    """The supervisor's side: started before the first child, dismissed after the last."""

    def __init__(self, *, run_folder: Path, mark: str) -> None:
        read_end, self._write_end = os.pipe()
        command = [
            sys.executable,
            "-m",
            "launcher.guard",
            str(read_end),
            str(run_folder),
            mark,
        ]
        self.process = subprocess.Popen(  # nosec B603 # words of our own, no shell
            command, pass_fds=[read_end], start_new_session=True
        )
        os.close(read_end)

    def dismiss(self) -> None:
        """Ends the guard without any of its work."""
        with suppress(BrokenPipeError):  # it may have been killed before
            os.write(self._write_end, _FAREWELL)
        os.close(self._write_end)
        self.process.wait()


def main(descriptor: int, run_folder: Path, mark: str) -> None:
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(kind, signal.SIG_IGN)
    if os.read(descriptor, 1) != _FAREWELL:
        stop_leftovers(run_folder, mark=mark, patience=0.5)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
