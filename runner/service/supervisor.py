"""Claim queued runs and execute each in a child process; the supervisor itself computes nothing.

`tick` polls once: watch the workers, enforce stop requests, release the claims of dead runners, start a queued run. The
scheduler of `serve` and the foreground loop of `run` call it.
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

from runner.hardware import oom_kills, ram
from runner.pipeline.recovery import RECOVERY, Action, ErrorKind
from runner.pipeline.shared_files import checkpoints_gone
from runner.service.process_locks import acquire_lock, owner_is_dead, owner_lock_path
from runner.service.process_termination import terminate_process_group
from runner.service.playground_process import PlaygroundProcess
from runner.service.runner_log import log_event
from store.database import Store
from store.event_log.journal import Claim, Journal, LeaseLost, read_events
from store.event_log.leases import claim_next, owner_name, release, release_dead_claims
from store.event_log.heartbeats import HEARTBEAT_SECONDS, record_heartbeat, register_runner
from store.events import RecoveryTaken, RunCancelled, RunFailed, RunPaused
from store.paths import Paths
from store.queries import find_run

STOP_TIMEOUT_SECONDS = 8.0
"""How long a worker may take to stop between two items before it is killed."""
LOW_MEMORY_SHARE = 0.1
"""If less of the RAM was free, an unexplained SIGKILL is attributed to an out-of-memory watchdog."""
LOG_BYTES = 1_000_000
"""A larger `worker.log` is rotated when the next worker starts."""


@dataclass
class WorkerProcess:
    """A running worker."""

    claim: Claim
    process: subprocess.Popen[bytes]
    gpu: str = ""
    """The GPU that it has for itself, as CUDA_VISIBLE_DEVICES names it; empty if it may use what the runner may."""
    oom_kills: int | None = None
    """The kernel's count of OOM kills when the worker started, or since another one was killed so; None if not
    available."""
    min_free_ram_share: float = 1.0
    """The smallest share of free RAM at any poll."""
    stop_seen_at: float | None = None


@dataclass
class Supervisor:
    """One runner: executes one run at a time, because a run uses the whole device; more where it has several."""

    store: Store
    paths: Paths
    only: str | None = None
    """Execute only this run (foreground `run`)."""
    at_once: int = 1
    """The most runs that it executes at a time."""
    gpus: tuple[str, ...] = ()
    """GPUs of which each worker gets one for itself, at least `at_once`; empty: all workers see the same devices."""
    worker: tuple[str, ...] = (sys.executable, "-m", "runner", "work")
    """The command that executes a run; the claim is appended."""
    answers: tuple[str, ...] = (sys.executable, "-m", "runner", "answer-questions")
    """The command that answers playground questions; the owner is appended."""
    oom_kills: Callable[[], int | None] = oom_kills
    ram_available: Callable[[], tuple[int, int]] = ram
    """Returns total and available RAM, in bytes."""
    owner: str = field(default_factory=owner_name)
    children: list[WorkerProcess] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)
    _store_error: str = ""
    _crashes: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        descriptor = acquire_lock(owner_lock_path(self.paths.data, self.owner))
        assert descriptor is not None
        self._lock = descriptor
        self._playground = PlaygroundProcess(self.store, self.paths, self.owner, descriptor, self.answers)
        self._started_at = register_runner(self.store, self.owner)
        self._beaten_at = time.monotonic()

    def send_heartbeat(self) -> None:
        """Record that this runner is alive."""
        record_heartbeat(self.store, self.owner, self._started_at)
        self._beaten_at = time.monotonic()

    def beat_when_due(self) -> None:
        """Send a heartbeat if one is due; for loops that poll more often."""
        if time.monotonic() - self._beaten_at >= HEARTBEAT_SECONDS:
            self.send_heartbeat()

    def tick(self) -> None:
        """Poll once. After `stopping` is set, stop the worker and requeue its run.

        A failing store is logged once and retried on the next poll; no state is lost.
        """
        try:
            self._poll()
        except SQLAlchemyError as error:
            if str(error) != self._store_error:
                log_event("store not available", logging.ERROR, error=str(error))
            self._store_error = str(error)
        else:
            self._store_error = ""

    @property
    def child(self) -> WorkerProcess | None:
        """The worker that was started first of those that run."""
        return self.children[0] if self.children else None

    def _poll(self) -> None:
        if self.stopping.is_set():
            self._requeue_current_runs()
            self.stopped.set()
            return
        at_work = len(self.children)
        for child in list(self.children):
            self._watch(child)
        if len(self.children) < at_work:
            return  # its place is filled at the next poll
        if at_work < self.at_once and (claim := self._claim()):
            self._start(claim)
        elif self.only is None and not self.children:
            self._playground.poll()

    def _start(self, claim: Claim) -> None:
        self._playground.stop()  # a run uses the whole device
        self._kill_predecessor(claim)
        kills, gpu = self.oom_kills(), next(iter(self._free_gpus()), "")
        child = WorkerProcess(claim, self._spawn(claim, gpu), gpu, kills)
        self.children.append(child)
        on: dict[str, object] = {"gpu": gpu} if gpu else {}
        log_event("run started", logging.INFO, run=claim.run, attempt=claim.attempt, worker=child.process.pid, **on)

    def _kill_predecessor(self, claim: Claim) -> None:
        """Kill a worker of ours whose lease has expired, if its run was claimed again: it was stopped, or hangs."""
        for child in [child for child in self.children if child.claim.run == claim.run]:
            terminate_process_group(child.process, (signal.SIGKILL, 10.0))
            self.children.remove(child)
            log_event("worker killed: it did not renew its lease", logging.WARNING, run=claim.run)

    def _free_gpus(self) -> list[str]:
        taken = {child.gpu for child in self.children}
        return [gpu for gpu in self.gpus if gpu not in taken]

    def _watch(self, child: WorkerProcess) -> None:
        if child.process.poll() is None:
            total, free = self.ram_available()
            child.min_free_ram_share = min(child.min_free_ram_share, free / total)
            self._stop_if_asked(child)
            return
        self._handle_worker_exit(child, child.process.returncode)
        log_event("worker ended", run=child.claim.run, exit_code=child.process.returncode)
        self.children.remove(child)  # last, so that a store failure above is retried on the next poll

    def _claim(self) -> Claim | None:
        """Claim the next run. Claims of dead runners are released first, and the interruption is recorded."""
        for released in release_dead_claims(self.store, lambda owner: owner_is_dead(self.paths.data, owner)):
            log_event("run of a dead runner released", logging.WARNING, run=released)
        claim = claim_next(self.store, self.owner, self.only, one_a_device=True, at_once=self.at_once)
        run = find_run(self.store, claim.run) if claim else None
        if claim and run and run.work == "running":
            kind = ErrorKind.INTERRUPTED
            with contextlib.suppress(LeaseLost):
                Journal(self.store, claim).append(RecoveryTaken(
                    kind, RECOVERY[kind].action, claim.attempt, 0.0, "the runner that executed it is gone"))
        if claim and claim.attempt > 1:
            self._report_missing_checkpoints(claim)
        return claim

    def _report_missing_checkpoints(self, claim: Claim) -> None:
        """Record and log that finished stages run again because their checkpoints are in another data folder."""
        found = checkpoints_gone(read_events(self.store, claim.run), self.paths, claim.run)
        if found:
            kind = ErrorKind.CHECKPOINTS_MISSING
            log_event("checkpoints are not in this data folder", logging.WARNING, run=claim.run, why=found,
                      advice=RECOVERY[kind].advice)
            with contextlib.suppress(LeaseLost):
                Journal(self.store, claim).append(RecoveryTaken(kind, RECOVERY[kind].action, claim.attempt, 0.0, found))

    def close(self) -> None:
        """Let the workers finish their items, requeue their runs, and record that this runner has stopped."""
        self._requeue_current_runs()
        record_heartbeat(self.store, self.owner, self._started_at, stopped=True)
        owner_lock_path(self.paths.data, self.owner).unlink(missing_ok=True)

    def _requeue_current_runs(self) -> None:
        self._playground.stop()
        for child in self.children:  # all at once, so that they finish their items at the same time
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGTERM)
        until = time.monotonic() + STOP_TIMEOUT_SECONDS
        for child in list(self.children):
            left = max(until - time.monotonic(), 0.0)
            terminate_process_group(child.process, (signal.SIGTERM, left), (signal.SIGKILL, 10.0))
            release(self.store, child.claim, requeue_reason="the runner was stopped")
            log_event("run requeued", run=child.claim.run, exit_code=child.process.returncode)
            self.children.remove(child)

    def _spawn(self, claim: Claim, gpu: str) -> subprocess.Popen[bytes]:
        log = self.paths.run(claim.run) / "worker.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [*self.worker, claim.run, claim.owner, str(claim.fence), str(claim.attempt)]
        environment = os.environ | self.paths.environment | ({"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name("worker.log.1"))
        with log.open("ab") as output:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                                    start_new_session=True, pass_fds=(self._lock,),
                                    cwd=Path(__file__).resolve().parents[2])

    def _handle_worker_exit(self, child: WorkerProcess, code: int) -> None:
        """Handle worker exit: unless the run has ended, requeue it, or fail it after too many crashes."""
        run = find_run(self.store, child.claim.run)
        if code == 0 or run is None or run.work not in ("running", "lost", "queued"):
            release(self.store, child.claim)
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        crashes = self._crashes.get(child.claim.run, 0) + 1
        kind, recovery = ErrorKind.PROCESS_KILLED, RECOVERY[ErrorKind.PROCESS_KILLED]
        out_of_memory = code == -signal.SIGKILL and self._was_oom_killed(child)
        if out_of_memory:  # the kernel's count is not that of another worker, if that is killed later
            for other in self.children:
                other.oom_kills = self.oom_kills()
        action = Action.USE_SMALLER_PLAN if out_of_memory else recovery.action
        message = f"the worker process exited with {how}{', most likely out of memory' if out_of_memory else ''}"
        journal = Journal(self.store, child.claim)
        with contextlib.suppress(LeaseLost):
            if crashes > recovery.retries:
                journal.append(RunFailed(kind, message, recovery.advice, self._log_tail(child.claim.run)))
                release(self.store, child.claim)
            else:
                journal.append(RecoveryTaken(kind, action, crashes, recovery.wait_seconds, message))
                release(self.store, child.claim, requeue_reason=message)
            self._crashes[child.claim.run] = crashes

    def _was_oom_killed(self, child: WorkerProcess) -> bool:
        """Return whether a SIGKILL was due to memory: the kernel's OOM count has risen, or is not available.

        Other watchdogs (earlyoom, a cluster manager) are not in that count; they kill when hardly any memory is left.
        """
        now = self.oom_kills()
        return (now is None or child.oom_kills is None or now > child.oom_kills
                or child.min_free_ram_share < LOW_MEMORY_SHARE)

    def _log_tail(self, run: str) -> str:
        with contextlib.suppress(OSError):
            return (self.paths.run(run) / "worker.log").read_text(errors="replace")[-4000:]
        return ""

    def _stop_if_asked(self, child: WorkerProcess) -> None:
        """Kill a worker that has not stopped within the timeout after a stop request; checkpoints are kept.

        Normally a worker stops by itself between two items.
        """
        run = find_run(self.store, child.claim.run)
        if run is None or run.stop_requested is None:
            return
        child.stop_seen_at = child.stop_seen_at or time.monotonic()
        if time.monotonic() - child.stop_seen_at < STOP_TIMEOUT_SECONDS:
            return
        terminate_process_group(child.process, (signal.SIGKILL, 10.0))
        self.children.remove(child)
        log_event("worker killed: it did not stop in time", logging.WARNING, run=run.id)
        with contextlib.suppress(LeaseLost):
            Journal(self.store, child.claim).append(RunCancelled() if run.stop_requested == "cancel" else RunPaused())
        release(self.store, child.claim)
