"""The interface between the supervisor and whatever executes runs: a launcher starts a worker for a claim.

    local_launcher   child processes of the runner
    on_ray           processes on the nodes of a Ray cluster

A launcher says where a worker is and how it ended. What is true about a run stands in the store alone: a worker that is
given up and still goes on cannot write, because its claim's fencing token is outdated.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.pipeline.recovery import ErrorKind
from store.event_log.journal import Claim
from store.event_log.nodes import Node


@dataclass(frozen=True)
class WorkerExit:
    """How a worker ended."""

    code: int = 0
    """Exit code, negative for a signal; of a worker that ended by itself."""
    out_of_memory: bool = False
    lost: ErrorKind | None = None
    """NODE_LOST or NOT_PLACED for a worker that did not end by itself: no crash of its own."""
    reason: str = ""
    """Why it was lost."""
    log_tail: str = ""
    """The end of its log, if it crashed."""


class LaunchedWorker(Protocol):
    """A worker process, or one that still waits for a place."""

    def poll(self) -> WorkerExit | None:
        """Return how the worker ended; None while it works or waits."""

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the worker's process group; nothing happens if it has ended."""

    def wait(self, seconds: float) -> bool:
        """Wait until the worker has ended, so long at most; return whether it has."""

    def abandon(self) -> None:
        """Free the worker's place, and end what is left of the worker."""

    @property
    def place(self) -> str:
        """Node and process, for the log; empty while the worker waits for a place."""

    @property
    def waits_for(self) -> str:
        """Why the worker has no place yet; empty if it has one."""


class Launcher(Protocol):
    """Starts workers, somewhere."""

    def start(self, claim: Claim) -> LaunchedWorker:
        """Start a worker for a claim, now or as soon as there is a place for it."""

    def most_at_once(self) -> int:
        """Return how many workers may be started and waiting at the moment."""

    def nodes(self) -> Sequence[Node] | None:
        """Return the nodes of the cluster; None where there is no cluster."""


def stop_worker(worker: LaunchedWorker, *signals: tuple[signal.Signals, float]) -> None:
    """Send each (signal, timeout in seconds) to a worker, until it ends within the timeout; then free its place."""
    for number, seconds in signals:
        worker.send_signal(number)
        if worker.wait(seconds):
            break
    worker.abandon()
