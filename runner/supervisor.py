"""Claims runs and sees each through in a child process; never computes anything itself.

`tick` is one look around: take up a waiting run, watch the child at work, make a stop happen, free the claims of
the dead. It is called by the scheduler of `serve` and by the foreground loop of `run` alike.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from runner.answerer import Answerer
from runner.hardware import oom_kills, ram
from runner.lifeline import end_group, hold, is_dead, owner_lock
from runner.logbook import tell
from runner.recovery import RECOVERY, Action, ErrorKind
from runner.whereabouts import left_elsewhere
from store.database import Store
from store.events import RecoveryTaken, RunCancelled, RunFailed, RunPaused
from store.journal import Claim, Journal, LeaseLost, read_events
from store.leases import BEAT_SECONDS, beat, claim_next, first_beat, free_claims_of_dead, owner_name, release
from store.locations import Locations
from store.queries import run_named

STOP_GRACE_SECONDS = 8.0
"""How long a worker may take to stop between two items before it is killed."""
SCARCE = 0.1
"""With a smaller share of the RAM free, a SIGKILL out of nowhere is taken for a watchdog's."""
LOG_BYTES = 1_000_000
"""A longer `worker.log` is put aside when the next worker starts."""


@dataclass
class Child:
    """A worker at work."""

    claim: Claim
    process: subprocess.Popen[bytes]
    oom_kills: int | None = None
    """The kernel's count as it began."""
    least_ram_free: float = 1.0
    """The smallest share of the RAM that was free at any look."""
    stop_seen_at: float | None = None


@dataclass
class Supervisor:
    """One runner: at most one run at a time, because a run takes the whole device."""

    store: Store
    places: Locations
    only: str | None = None
    """Take up this run alone (the foreground `run`)."""
    worker: tuple[str, ...] = (sys.executable, "-m", "runner", "work")
    """The command that executes a run, before its claim."""
    answers: tuple[str, ...] = (sys.executable, "-m", "runner", "answer-questions")
    """The command that answers what people ask outside of runs, before its owner."""
    oom_kills: Callable[[], int | None] = oom_kills
    ram: Callable[[], tuple[int, int]] = ram
    """All, and free now."""
    owner: str = field(default_factory=owner_name)
    child: Child | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)
    _trouble: str = ""
    _crashes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        descriptor = hold(owner_lock(self.places.data, self.owner))
        assert descriptor is not None
        self._lock = descriptor
        self._answerer = Answerer(self.store, self.places, self.owner, descriptor, self.answers)
        self._started_at = first_beat(self.store, self.owner)
        self._beaten_at = time.monotonic()

    def beat(self) -> None:
        """Say that this runner is there."""
        beat(self.store, self.owner, self._started_at)
        self._beaten_at = time.monotonic()

    def beat_when_due(self) -> None:
        """The same, but only when it is time again: for loops that look around more often."""
        if time.monotonic() - self._beaten_at >= BEAT_SECONDS:
            self.beat()

    def tick(self) -> None:
        """One look around; once `stopping` is set, the last one: it sees the child out.

        A store that fails is told once, and looked at again the next time; nothing is forgotten meanwhile.
        """
        try:
            self._look_around()
        except SQLAlchemyError as error:
            if str(error) != self._trouble:
                tell("the store fails", logging.ERROR, error=str(error))
            self._trouble = str(error)
        else:
            self._trouble = ""

    def _look_around(self) -> None:
        if self.stopping.is_set():
            self._hand_back()
            self.stopped.set()
        elif self.child is None:
            if claim := self._claim():
                self._answerer.end()  # a run takes the whole device
                kills = self.oom_kills()
                self.child = Child(claim, self._spawn(claim), kills)
                tell("run taken up", run=claim.run, attempt=claim.attempt, worker=self.child.process.pid)
            elif self.only is None:
                self._answerer.look()
        elif self.child.process.poll() is not None:
            self._bury(self.child, self.child.process.returncode)
            tell("worker ended", run=self.child.claim.run, exit_code=self.child.process.returncode)
            self.child = None  # only now: where the store failed on the way, the next look buries it again
        else:
            total, free = self.ram()
            self.child.least_ram_free = min(self.child.least_ram_free, free / total)
            self._stop_if_asked(self.child)

    def _claim(self) -> Claim | None:
        """The next run. Those of the dead are free at once, and what is known of their end goes on record."""
        for freed in free_claims_of_dead(self.store, lambda owner: is_dead(self.places.data, owner)):
            tell("run of a dead runner freed", logging.WARNING, run=freed)
        claim = claim_next(self.store, self.owner, self.only, one_a_device=True)
        run = run_named(self.store, claim.run) if claim else None
        if claim and run and run.work == "running":
            kind = ErrorKind.INTERRUPTED
            with contextlib.suppress(LeaseLost):
                Journal(self.store, claim).append(RecoveryTaken(
                    kind, RECOVERY[kind].action, claim.attempt, 0.0, "the runner that worked on it is gone"))
        if claim and claim.attempt > 1:
            self._tell_what_lies_elsewhere(claim)
        return claim

    def _tell_what_lies_elsewhere(self, claim: Claim) -> None:
        """Work that is done anew though it was done: on record and in the log, with both folders."""
        found = left_elsewhere(read_events(self.store, claim.run), self.places.run(claim.run))
        if found:
            kind = ErrorKind.ELSEWHERE
            tell("checkpoints are not in this data folder", logging.WARNING, run=claim.run, why=found,
                 advice=RECOVERY[kind].advice)
            with contextlib.suppress(LeaseLost):
                Journal(self.store, claim).append(RecoveryTaken(kind, RECOVERY[kind].action, claim.attempt, 0.0, found))

    def close(self) -> None:
        """Let the child at work finish its item, hand its run back to the queue, and sign off."""
        self._hand_back()
        beat(self.store, self.owner, self._started_at, stopped=True)
        owner_lock(self.places.data, self.owner).unlink(missing_ok=True)

    def _hand_back(self) -> None:
        self._answerer.end()
        if self.child:
            end_group(self.child.process, (signal.SIGTERM, STOP_GRACE_SECONDS), (signal.SIGKILL, 10.0))
            release(self.store, self.child.claim, requeue_reason="the runner was stopped")
            tell("run handed back", run=self.child.claim.run, exit_code=self.child.process.returncode)
            self.child = None

    def _spawn(self, claim: Claim) -> subprocess.Popen[bytes]:
        log = self.places.run(claim.run) / "worker.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [*self.worker, claim.run, claim.owner, str(claim.fence), str(claim.attempt)]
        environment = os.environ | {"DATA_DIR": str(self.places.data), "STORE_URL": self.places.store_url}
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name("worker.log.1"))
        with log.open("ab") as output:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                                    start_new_session=True, pass_fds=(self._lock,),
                                    cwd=Path(__file__).resolve().parent.parent)

    def _bury(self, child: Child, code: int) -> None:
        """The worker has ended. Unless its run ended with it, try again, and after some crashes give it up."""
        run = run_named(self.store, child.claim.run)
        if code == 0 or run is None or run.work not in ("running", "lost", "queued"):
            release(self.store, child.claim)
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        crashes = self._crashes.get(child.claim.run, 0) + 1
        kind, recovery = ErrorKind.PROCESS_KILLED, RECOVERY[ErrorKind.PROCESS_KILLED]
        for_memory = code == -signal.SIGKILL and self._killed_for_memory(child)
        action = Action.STEP_DOWN if for_memory else recovery.action
        message = f"the worker process ended with {how}{', most likely for want of memory' if for_memory else ''}"
        journal = Journal(self.store, child.claim)
        with contextlib.suppress(LeaseLost):
            if crashes > recovery.tries:
                journal.append(RunFailed(kind, message, recovery.advice, self._log_tail(child.claim.run)))
                release(self.store, child.claim)
            else:
                journal.append(RecoveryTaken(kind, action, crashes, recovery.wait_seconds, message))
                release(self.store, child.claim, requeue_reason=message)
            self._crashes[child.claim.run] = crashes

    def _killed_for_memory(self, child: Child) -> bool:
        """Whether a SIGKILL was for want of memory: the kernel's count has risen, or it keeps none.

        Other watchdogs (earlyoom, a cluster) are not in that count; they strike where hardly any memory is left.
        """
        now = self.oom_kills()
        return now is None or child.oom_kills is None or now > child.oom_kills or child.least_ram_free < SCARCE

    def _log_tail(self, run: str) -> str:
        with contextlib.suppress(OSError):
            return (self.places.run(run) / "worker.log").read_text(errors="replace")[-4000:]
        return ""

    def _stop_if_asked(self, child: Child) -> None:
        """A worker stops by itself between two items; one that does not within the grace is killed, and nothing
        that was checkpointed is lost."""
        run = run_named(self.store, child.claim.run)
        if run is None or run.stop_requested is None:
            return
        child.stop_seen_at = child.stop_seen_at or time.monotonic()
        if time.monotonic() - child.stop_seen_at < STOP_GRACE_SECONDS:
            return
        end_group(child.process, (signal.SIGKILL, 10.0))
        self.child = None
        tell("worker killed: it did not stop in time", logging.WARNING, run=run.id)
        with contextlib.suppress(LeaseLost):
            Journal(self.store, child.claim).append(RunCancelled() if run.stop_requested == "cancel" else RunPaused())
        release(self.store, child.claim)
