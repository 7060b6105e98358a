"""Execute runs in child processes of the runner, on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from runner.hardware import oom_kills, ram
from runner.service.launcher import WorkerExit
from runner.service.oom_watch import OomWatch
from store.event_log.journal import Claim
from store.event_log.nodes import Node
from store.paths import Paths

ROOT = Path(__file__).resolve().parents[2]
LOG_BYTES = 1_000_000
"""A larger `worker.log` is rotated when the next worker starts."""
LOG_TAIL_CHARACTERS = 4000


def claim_arguments(claim: Claim) -> list[str]:
    """Return a claim as the command `work` takes it."""
    return [claim.run, claim.owner, str(claim.fence), str(claim.attempt)]


def open_log(log: Path) -> BinaryIO:
    """Open a worker's log for appending; a large one is rotated."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name("worker.log.1"))
    return log.open("ab")


def log_tail(log: Path) -> str:
    """Return the end of a worker's log; empty if there is none."""
    with contextlib.suppress(OSError):
        return log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
    return ""


@dataclass
class LocalWorker:
    """A child process."""

    process: subprocess.Popen[bytes]
    log: Path
    memory: OomWatch
    gpu: str = ""
    """The GPU that it has for itself, as CUDA_VISIBLE_DEVICES names it; empty if it may use what the runner may."""
    on_oom_kill: Callable[[], None] = lambda: None
    _exit: WorkerExit | None = None
    waits_for: str = ""

    def poll(self) -> WorkerExit | None:
        """Return how the worker ended; None while it works."""
        code = self.process.poll()
        if code is None:
            self.memory.sample()
        elif self._exit is None:
            killed_for_memory = code == -signal.SIGKILL and self.memory.explains_kill()
            self._exit = WorkerExit(code, killed_for_memory, log_tail=log_tail(self.log) if code else "")
            if killed_for_memory:
                self.on_oom_kill()
        return self._exit

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended, so long at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.returncode is not None

    def abandon(self) -> None:
        """Do nothing: its place is free when the process has ended."""

    @property
    def place(self) -> str:
        """Process and GPU."""
        return f"process {self.process.pid}{f', GPU {self.gpu}' if self.gpu else ''}"


@dataclass
class LocalLauncher:
    """Starts child processes, each with a GPU of its own where there are several."""

    paths: Paths
    command: Sequence[str]
    """Executes a run; the claim is appended."""
    lock: int
    """Descriptor of the owner's lock, inherited by workers: the owner counts as dead only when all have exited."""
    at_once: int = 1
    gpus: tuple[str, ...] = ()
    oom_kills: Callable[[], int | None] = oom_kills
    ram_available: Callable[[], tuple[int, int]] = ram
    _workers: list[LocalWorker] = field(default_factory=list)

    def start(self, claim: Claim) -> LocalWorker:
        """Start a child process for a claim."""
        self._workers = [worker for worker in self._workers if worker.process.poll() is None]
        gpu = next(iter(self._free_gpus()), "")
        log = self.paths.run(claim.run) / "worker.log"
        memory = OomWatch(self.oom_kills, self.ram_available)
        worker = LocalWorker(self._spawn(claim, gpu, log), log, memory, gpu, self._count_oom_kill)
        self._workers.append(worker)
        return worker

    def most_at_once(self) -> int:
        """Return how many workers may be started."""
        return self.at_once

    def nodes(self) -> Sequence[Node] | None:
        """Return None: there is no cluster."""
        return None

    def _free_gpus(self) -> list[str]:
        taken = {worker.gpu for worker in self._workers}
        return [gpu for gpu in self.gpus if gpu not in taken]

    def _count_oom_kill(self) -> None:
        """Attribute an OOM kill to one worker alone: it does not explain the kill of another one later."""
        for worker in self._workers:
            worker.memory.restart()

    def _spawn(self, claim: Claim, gpu: str, log: Path) -> subprocess.Popen[bytes]:
        environment = os.environ | self.paths.environment | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        with open_log(log) as output:
            return subprocess.Popen([*self.command, *claim_arguments(claim)], stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, env=environment, start_new_session=True, pass_fds=(self.lock,),
                                    cwd=ROOT)
