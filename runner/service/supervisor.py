"""Claim queued runs and execute each in a child process; the supervisor itself computes nothing.

`tick` polls once: watch the workers, enforce stop requests, release the claims of dead runners, start a queued run. The
scheduler of `serve` and the foreground loop of `run` call it.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from runner.hardware import oom_kills, ram
from runner.pipeline.recovery import RECOVERY, ErrorKind
from runner.pipeline.shared_files import checkpoints_gone
from runner.service.launcher import LaunchedWorker, Launcher, stop_worker
from runner.service.local_launcher import LocalLauncher
from runner.service.playground_process import PlaygroundProcess
from runner.service.process_locks import acquire_lock, owner_is_dead, owner_lock_path
from runner.service.runner_log import log_event
from runner.service.worker_exits import WorkerExits
from store.database import Store
from store.event_log.heartbeats import HEARTBEAT_SECONDS, record_heartbeat, register_runner
from store.event_log.journal import Claim, Journal, LeaseLost, read_events
from store.event_log.leases import claim_next, owner_name, release, release_dead_claims, renew
from store.event_log.nodes import Node, record_nodes, record_wait
from store.events import RecoveryTaken, RunCancelled, RunPaused
from store.paths import Paths
from store.queries import Run, find_run

STOP_TIMEOUT_SECONDS = 8.0
"""How long a worker may take to stop between two items before it is killed."""
RENEW_SECONDS = 5.0
"""How often the lease of a run is renewed whose worker has not begun, because it waits for a place or loads."""


@dataclass
class Child:
    """A run that this runner executes: its claim and its worker."""

    claim: Claim
    worker: LaunchedWorker
    place: str = ""
    """Where the worker is, once it has a place."""
    waits_for: str = ""
    """What is recorded that it waits for."""
    stop_seen_at: float | None = None
    renewed_at: float = field(default_factory=time.monotonic)


def local_launcher(supervisor: Supervisor, lock: int) -> Launcher:
    """Return what starts workers as child processes of this one."""
    return LocalLauncher(supervisor.paths, supervisor.worker, lock, supervisor.at_once, supervisor.gpus,
                         supervisor.oom_kills, supervisor.ram_available)


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
    children: list[Child] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    stopped: threading.Event = field(default_factory=threading.Event)
    make_launcher: Callable[[Supervisor, int], Launcher] = local_launcher
    """Called with the descriptor of the owner's lock; returns what starts workers."""
    _store_error: str = ""
    _nodes: tuple[Node, ...] = ()

    def __post_init__(self) -> None:
        descriptor = acquire_lock(owner_lock_path(self.paths.data, self.owner))
        assert descriptor is not None
        self.launcher = self.make_launcher(self, descriptor)
        self._exits = WorkerExits(self.store)
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
    def child(self) -> Child | None:
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
        self._record_nodes()
        if len(self.children) < at_work:
            return  # its place is filled at the next poll
        if at_work < self.most_at_once() and (claim := self._claim()):
            self._start(claim)
        elif self.only is None and not self.children:
            self._playground.poll()

    def most_at_once(self) -> int:
        """Return how many runs this runner may hold at the moment."""
        return min(self.at_once, self.launcher.most_at_once())

    def _start(self, claim: Claim) -> None:
        self._playground.stop()  # a run uses the whole device
        self._kill_predecessor(claim)
        child = Child(claim, self.launcher.start(claim))
        self.children.append(child)
        self._watch_place(child)

    def _watch_place(self, child: Child) -> None:
        """Record what a worker waits for, and log where it is when it has a place."""
        waits_for = child.worker.waits_for
        if waits_for != child.waits_for:
            record_wait(self.store, child.claim, waits_for)
            child.waits_for = waits_for
            if waits_for:
                log_event("run waits for a place", run=child.claim.run, why=waits_for)
        if not child.place and (place := child.worker.place):
            child.place = place
            log_event("run started", run=child.claim.run, attempt=child.claim.attempt, worker=place)

    def _kill_predecessor(self, claim: Claim) -> None:
        """Kill a worker of ours whose lease has expired, if its run was claimed again: it was stopped, or hangs."""
        for child in [child for child in self.children if child.claim.run == claim.run]:
            stop_worker(child.worker, (signal.SIGKILL, 10.0))
            self.children.remove(child)
            log_event("worker killed: it did not renew its lease", logging.WARNING, run=claim.run)

    def _watch(self, child: Child) -> None:
        ended = child.worker.poll()
        if ended is None:
            self._watch_place(child)
            run = find_run(self.store, child.claim.run)
            self._renew_until_begun(child, run)
            self._stop_if_asked(child, run)
            return
        self._exits.handle(child.claim, ended)
        log_event("worker ended", run=child.claim.run,
                  **({"why": ended.reason} if ended.lost else {"exit_code": ended.code}))
        child.worker.abandon()
        self.children.remove(child)  # last, so that a store failure above is retried on the next poll

    def _renew_until_begun(self, child: Child, run: Run | None) -> None:
        """Renew the lease in the place of a worker that has not begun; afterwards the worker does so itself."""
        begun = run is not None and run.work != "queued" and run.attempts >= child.claim.attempt
        if not begun and time.monotonic() - child.renewed_at >= RENEW_SECONDS:
            renew(self.store, child.claim)
            child.renewed_at = time.monotonic()

    def _record_nodes(self) -> None:
        """Record the nodes of the cluster, if there is one, when something about them changed."""
        seen = self.launcher.nodes()
        if seen is None or tuple(seen) == self._nodes:
            return
        record_nodes(self.store, self.owner, seen)
        for lost in {node.id: node for node in seen if not node.alive}.values():
            if any(node.id == lost.id and node.alive for node in self._nodes):
                log_event("node lost", logging.WARNING, node=lost.name, why=lost.reason)
        self._nodes = tuple(seen)

    def _claim(self) -> Claim | None:
        """Claim the next run. Claims of dead runners are released first, and the interruption is recorded."""
        for released in release_dead_claims(self.store, lambda owner: owner_is_dead(self.paths.data, owner)):
            log_event("run of a dead runner released", logging.WARNING, run=released)
        claim = claim_next(self.store, self.owner, self.only, one_a_device=True,
                           at_once=self.most_at_once(), without=self._exits.not_yet())
        run = find_run(self.store, claim.run) if claim else None
        if claim and run and run.work == "running":
            kind = ErrorKind.INTERRUPTED
            with contextlib.suppress(LeaseLost):
                Journal(self.store, claim).append(RecoveryTaken(
                    kind, RECOVERY[kind].action, claim.attempt, 0.0, "the runner that executed it is gone"))
        if claim and claim.attempt > 1 and self.launcher.nodes() is None:  # else its folder is at a node
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
            child.worker.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_TIMEOUT_SECONDS
        for child in list(self.children):
            left = max(until - time.monotonic(), 0.0) if child.worker.place else 0.0
            stop_worker(child.worker, (signal.SIGTERM, left), (signal.SIGKILL, 10.0 if child.worker.place else 0.0))
            release(self.store, child.claim, requeue_reason="the runner was stopped")
            ended = child.worker.poll()
            log_event("run requeued", run=child.claim.run, exit_code=ended.code if ended else None)
            self.children.remove(child)

    def _stop_if_asked(self, child: Child, run: Run | None) -> None:
        """Kill a worker that has not stopped within the timeout after a stop request; checkpoints are kept.

        Normally a worker stops by itself between two items. One that waits for a place is given up at once.
        """
        if run is None or run.stop_requested is None:
            return
        child.stop_seen_at = child.stop_seen_at or time.monotonic()
        if not child.worker.waits_for and time.monotonic() - child.stop_seen_at < STOP_TIMEOUT_SECONDS:
            return
        stop_worker(child.worker, (signal.SIGKILL, 10.0 if child.worker.place else 0.0))
        self.children.remove(child)
        if child.place:
            log_event("worker killed: it did not stop in time", logging.WARNING, run=run.id)
        with contextlib.suppress(LeaseLost):
            Journal(self.store, child.claim).append(RunCancelled() if run.stop_requested == "cancel" else RunPaused())
        release(self.store, child.claim)
