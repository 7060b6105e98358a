"""Handle the end of a worker: its run is released, queued again, or fails after too many crashes."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from runner.pipeline.recovery import EXIT_STORE_GONE, RECOVERY, Action, ErrorKind
from runner.service.launcher import WorkerExit
from store.database import Store
from store.event_log.journal import Claim, Journal, LeaseLost
from store.event_log.leases import release
from store.event_log.nodes import record_wait
from store.events import RecoveryTaken, RunFailed
from store.queries import find_run

MOST_WAIT_SECONDS = 60.0
"""The longest wait before a run is tried again that could not be placed, or whose worker had no store."""


@dataclass
class _Refusals:
    """How often in a row a run could not be placed, or its worker had no store."""

    count: int = 0
    reason: str = ""
    again_at: float = 0.0


@dataclass
class WorkerExits:
    """Handles exits, and counts for each run the crashes of its workers and the tries to place one."""

    store: Store
    _crashes: dict[str, int] = field(default_factory=dict)
    _refusals: dict[str, _Refusals] = field(default_factory=dict)

    def handle(self, claim: Claim, ended: WorkerExit) -> None:
        """Handle an exit: unless the run has ended, requeue it, or fail it after too many crashes."""
        run = find_run(self.store, claim.run)
        store_gone = not ended.lost and ended.code == EXIT_STORE_GONE
        if ended.lost is not ErrorKind.NOT_PLACED and not store_gone:
            self._refusals.pop(claim.run, None)
        if run is None or run.work not in ("running", "lost", "queued") or (not ended.lost and ended.code == 0):
            release(self.store, claim)
        elif ended.lost is ErrorKind.NOT_PLACED:
            self._wait(claim, ErrorKind.NOT_PLACED, ended.reason)
        elif store_gone:
            self._wait(claim, ErrorKind.STORE_GONE, "the store did not answer its worker")
        elif ended.lost:
            recovery = RECOVERY[ended.lost]
            with contextlib.suppress(LeaseLost):
                Journal(self.store, claim).append(
                    RecoveryTaken(ended.lost, recovery.action, claim.attempt, recovery.wait_seconds, ended.reason))
                release(self.store, claim, requeue_reason=ended.reason)
        else:
            self._count_crash(claim, ended)

    def not_yet(self) -> Collection[str]:
        """Return the runs that are not tried again yet."""
        now = time.monotonic()
        return [run for run, refusals in self._refusals.items() if refusals.again_at > now]

    def _wait(self, claim: Claim, kind: ErrorKind, reason: str) -> None:
        """Release the run, and try again later; what is no fault of the run never fails it and counts as no crash."""
        refusals, recovery = self._refusals.setdefault(claim.run, _Refusals()), RECOVERY[kind]
        refusals.count += 1
        wait = min(recovery.wait_seconds * 2 ** (refusals.count - 1), MOST_WAIT_SECONDS)
        with contextlib.suppress(LeaseLost):
            if reason != refusals.reason:  # said once, however often it is tried
                Journal(self.store, claim).append(
                    RecoveryTaken(kind, recovery.action, refusals.count, wait, reason))
            release(self.store, claim, requeue_reason=reason)
            record_wait(self.store, claim, reason)
        refusals.reason, refusals.again_at = reason, time.monotonic() + wait

    def _count_crash(self, claim: Claim, ended: WorkerExit) -> None:
        how = f"signal {signal.Signals(-ended.code).name}" if ended.code < 0 else f"exit code {ended.code}"
        crashes = self._crashes.get(claim.run, 0) + 1
        kind, recovery = ErrorKind.PROCESS_KILLED, RECOVERY[ErrorKind.PROCESS_KILLED]
        action = Action.USE_SMALLER_PLAN if ended.out_of_memory else recovery.action
        message = f"the worker process exited with {how}{', most likely out of memory' if ended.out_of_memory else ''}"
        journal = Journal(self.store, claim)
        with contextlib.suppress(LeaseLost):
            if crashes > recovery.retries:
                journal.append(RunFailed(kind, message, recovery.advice, ended.log_tail))
                release(self.store, claim)
            else:
                journal.append(RecoveryTaken(kind, action, crashes, recovery.wait_seconds, message))
                release(self.store, claim, requeue_reason=message)
            self._crashes[claim.run] = crashes
