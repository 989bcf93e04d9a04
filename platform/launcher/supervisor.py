"""Keeps processes running: starts them in order, restarts what dies, stops services last.
One thread, no signal handlers: signals are blocked and taken one by one. Works as pid 1, too."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from signal import Signals
from subprocess import Popen
from types import TracebackType
from typing import Self

from launcher.guard import Guard
from launcher.leftovers import MARK, run_mark, write_record
from launcher.process import Process, signal_whole, spawn
from launcher.trouble import Trouble

STOP_SIGNALS = frozenset({Signals.SIGINT, Signals.SIGTERM, Signals.SIGHUP})
FIRST_DELAY, LONGEST_DELAY = 1.0, 30.0  # seconds before a restart; doubles in between
SETTLED = 60.0  # seconds up after which the delay begins anew
LOG_LIMIT = 20 * 1024 * 1024  # bytes; a longer log is set aside at the next start
# Whoever stops us may reach us twice at once (make passes SIGTERM on, too): a repetition
# within these seconds does not mean impatience.
ECHO = 1.0


class Stopped(Exception):
    """A stop signal arrived."""

    def __init__(self, kind: Signals) -> None:
        super().__init__(kind.name)
        self.kind = kind


@dataclass
class _Child:
    process: Process
    once: bool
    log: Path
    popen: Popen[bytes] | None = None
    started_at: float = 0.0
    delay: float = FIRST_DELAY
    due: float = 0.0
    exits: list[int] = field(default_factory=list)


class Supervisor:
    """Use as a context manager: leaving the block stops everything, whatever happened inside."""

    def __init__(
        self, *, var: Path, run: Path, log: Path, cwd: Path, say: Callable[[str], None]
    ) -> None:
        self.mark = run_mark(var, os.getpid())
        self._run, self._log, self._cwd, self._say = run, log, cwd, say
        self._children: dict[str, _Child] = {}
        self._stopped_by: Signals | None = None

    def __enter__(self) -> Self:
        # A signal ignored from the start (nohup) stays without effect.
        stops = {kind for kind in STOP_SIGNALS if signal.getsignal(kind) != signal.SIG_IGN}
        self._signals = stops | {Signals.SIGCHLD}
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._signals)
        self._guard = Guard(run_folder=self._run, mark=self.mark)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._stopped_by = error.kind if isinstance(error, Stopped) else None
        self._stop_all()
        self._guard.dismiss()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def start(self, process: Process, *, once: bool = False) -> None:
        """Starts `process` and, unless `once`, starts it again whenever it ends."""
        log = self._log / f"{process.name}.log"
        child = self._children[process.name] = _Child(process, once, log)
        self._spawn(child)

    def finish(self, process: Process) -> int:
        """Runs `process` to its end; its exit status (negative: the signal that killed it)."""
        self.start(process, once=True)
        child = self._children[process.name]
        while not child.exits:
            self.tick()
        del self._children[process.name]
        return child.exits[0]

    def run_step(self, process: Process) -> None:
        """Runs `process` to its end; Trouble unless it succeeds."""
        status = self.finish(process)
        if status != 0:
            log = self._log / f"{process.name}.log"
            raise Trouble(f"{process.name} {ending(status)}: {last_words(log)}")

    def wait_until(self, ready: Callable[[], bool], *, name: str, seconds: float) -> None:
        """Waits until `ready()`; Trouble when the process `name` ends before, or time is up."""
        deadline = time.monotonic() + seconds
        child = self._children[name]
        while not ready():
            if child.exits:
                raise Trouble(f"{name} {ending(child.exits[0])}: {last_words(child.log)}")
            if time.monotonic() > deadline:
                raise Trouble(f"{name} was not ready in {seconds:.0f} s. Its log: {child.log}")
            self.tick(0.1)

    def forever(self) -> None:
        """Watches until a stop signal raises Stopped."""
        while True:
            self.tick()

    def tick(self, seconds: float = 0.5) -> None:
        """Waits at most `seconds` for a signal, then tends to what ended or is due."""
        info = signal.sigtimedwait(self._signals, seconds)
        if info is not None and info.si_signo in STOP_SIGNALS:
            raise Stopped(Signals(info.si_signo))
        self._reap()
        for child in list(self._children.values()):
            if child.popen is None and not child.once and time.monotonic() >= child.due:
                self._spawn(child)

    def _spawn(self, child: _Child) -> None:
        process = child.process
        process.prepare()
        rotate(child.log)
        marked = {**process.env, MARK: self.mark}
        try:
            with child.log.open("ab") as log:
                child.popen = spawn(process, env=marked, cwd=self._cwd, log=log)
        except OSError as error:
            raise Trouble(f"{process.name} cannot be started: {error}") from error
        child.started_at = time.monotonic()
        write_record(
            self._record(child),
            run=self.mark,
            pid=child.popen.pid,
            orphan_signal=process.orphan_signal,
        )
        if not child.once:
            self._say(f"{process.name} started (pid {child.popen.pid})")

    def _reap(self) -> None:
        """Takes leave of every ended child, and as pid 1 of every orphan."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for child in self._children.values():
                if child.popen is not None and child.popen.pid == pid:
                    self._bury(child, os.waitstatus_to_exitcode(status))

    def _bury(self, child: _Child, code: int) -> None:
        assert child.popen is not None  # nosec B101 # for the type checker
        child.popen.returncode = code
        signal_whole(child.process, child.popen.pid, Signals.SIGKILL)  # whom it left behind
        child.popen = None
        child.exits.append(code)
        self._record(child).unlink(missing_ok=True)
        if child.once:
            return
        now = time.monotonic()
        if now - child.started_at >= SETTLED:
            child.delay = FIRST_DELAY
        child.due = now + child.delay
        self._say(
            f"{child.process.name} {ending(code)}; starts again in {child.delay:.0f} s; "
            f"log: {child.log}"
        )
        child.delay = min(child.delay * 2, LONGEST_DELAY)

    def _stop_all(self) -> None:
        """All that use the services at once, then the services; each group last started first."""
        begun = time.monotonic()
        children = list(reversed(self._children.values()))
        for child in children:
            child.once = True
        for service in (False, True):
            group = [one for one in children if one.popen and one.process.service is service]
            for child in group:
                self._tell(child)
            told = time.monotonic()
            for child in group:
                self._await_end(child, begun, told + child.process.grace)

    def _tell(self, child: _Child) -> None:
        # Ctrl-C has reached whatever shares our terminal already.
        reached = child.process.terminal and self._stopped_by == Signals.SIGINT
        if child.popen is not None and not reached:
            os.kill(child.popen.pid, child.process.stop_signal)

    def _await_end(self, child: _Child, begun: float, deadline: float) -> None:
        while child.popen is not None:
            info = signal.sigtimedwait(self._signals, 0.1)
            now = time.monotonic()
            again = info is not None and info.si_signo in STOP_SIGNALS and now - begun > ECHO
            if again or now > deadline:
                signal_whole(child.process, child.popen.pid, Signals.SIGKILL)
            self._reap()
        self._say(f"{child.process.name} stopped")

    def _record(self, child: _Child) -> Path:
        return self._run / f"{child.process.name}.pid"


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code < 0:
        return f"was ended by signal {-code} ({signal.strsignal(-code)})"
    return f"ended with status {code}"


def rotate(log: Path) -> None:
    """Sets a long log aside, over the one set aside before."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.rename(log.with_suffix(".log.1"))


def last_words(log: Path) -> str:
    """The last line of a log, for the message that names its owner."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1][:400] if lines else 'it said nothing'} (log: {log})"
