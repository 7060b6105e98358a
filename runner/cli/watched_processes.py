"""Keep child processes of a command running: report one that exits, and start it again."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

POLL_SECONDS = 0.5
STOP_SECONDS = 15.0
"""How long a process may take to stop before it is killed."""
MAX_RESTARTS = 3
"""How often a process is started again within `RESTART_WINDOW_SECONDS`."""
RESTART_WINDOW_SECONDS = 60.0
_MESSAGE_CHARACTERS = 1000


@dataclass
class WatchedProcess:
    """One child process that is started again when it exits."""

    name: str
    command: Sequence[str]
    by_hand: str
    """The command with which a person starts it."""
    cwd: Path
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)
    _errors: IO[bytes] | None = None
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches the parent alone; its errors go into a file."""
        self.close()
        with contextlib.ExitStack() as stack:
            self._errors = stack.enter_context(tempfile.TemporaryFile())
            self._open = stack.pop_all()
        self.starts.append(time.monotonic())
        self.process = subprocess.Popen(self.command, cwd=self.cwd, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self._errors, start_new_session=True)

    @property
    def exited(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def message(self) -> str:
        """The end of what it wrote to standard error."""
        if self._errors is None:
            return ""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()[-_MESSAGE_CHARACTERS:]

    def how_it_ended(self) -> str:
        code = self.process.returncode if self.process else None
        return f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"

    @property
    def may_restart(self) -> bool:
        """Whether it was started again less than `MAX_RESTARTS` times of late."""
        recent = [at for at in self.starts[1:] if at > time.monotonic() - RESTART_WINDOW_SECONDS]
        return len(recent) < MAX_RESTARTS

    def stop(self) -> None:
        """Terminate it, and kill it if it does not stop in time."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Kill it if it still goes on."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.close()

    def close(self) -> None:
        """Close the file of its errors."""
        self._open.close()
        self._errors = None


class Watcher:
    """A thread that starts exited processes again and says so; the others stay up meanwhile."""

    def __init__(self, processes: Sequence[WatchedProcess], say: Callable[[str], None]) -> None:
        self._watched, self._say = list(processes), say
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait(self) -> None:
        """Wait until no process is left that could be started again; Ctrl-C interrupts it."""
        while self._thread.is_alive():
            self._thread.join(POLL_SECONDS)

    def stop(self) -> None:
        """Start nothing any more."""
        self._stopping.set()
        with contextlib.suppress(RuntimeError):  # the thread was never started
            self._thread.join()

    def _watch(self) -> None:
        while self._watched and not self._stopping.wait(POLL_SECONDS):
            for child in [child for child in self._watched if child.exited]:
                self._restart(child)

    def _restart(self, child: WatchedProcess) -> None:
        ended = f"the {child.name} ended by itself ({child.how_it_ended()})"
        if child.may_restart:
            self._say(f"{ended}; starting it again")
            child.start()
            return
        self._watched.remove(child)
        reason = f"\n  {child.message()}" if child.message() else ""
        self._say(f"{ended} {len(child.starts)} times and is not started again. Start it with: {child.by_hand}{reason}")


def stop_all(watcher: Watcher, processes: Sequence[WatchedProcess]) -> None:
    """Stop what was started; a second Ctrl-C, where that takes too long, kills it, and a third does nothing."""
    try:
        watcher.stop()
        for process in processes:
            process.stop()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for process in processes:
            process.kill()
