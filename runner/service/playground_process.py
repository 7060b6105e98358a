"""Manage the process that answers playground questions and verifies exports: started when something is queued for it,
stopped when a run starts.

It exists only while no run is active on the device: a device does one thing at a time, and runs take precedence.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from runner.service.process_locks import owner_is_dead
from runner.service.process_termination import terminate_process_group
from runner.service.runner_log import log_event
from store.commands import playground, verifications
from store.database import Store
from store.event_log.leases import is_busy, owner_device
from store.paths import Paths

LOG_FILE_NAME = "answers.log"
QUEUES = (playground.QUEUE, verifications.QUEUE)
"""What the process takes its work from."""


@dataclass
class PlaygroundProcess:
    """At most one such process per runner."""

    store: Store
    paths: Paths
    owner: str
    lock: int
    """Descriptor of the owner's lock, inherited by the child: the owner counts as dead only when both have exited."""
    command: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None

    def poll(self) -> None:
        """Start the process if anything is queued, and handle the exit of one that has ended."""
        if self.process is not None and self.process.poll() is not None:
            self._handle_exit(self.process.returncode)
            self.process = None  # cleared last, so that a store failure above is retried on the next poll
        if self.process is None:
            self._release_orphaned_requests()
            waiting = any(queue.is_waiting(self.store) for queue in QUEUES)
            if waiting and not is_busy(self.store, owner_device(self.owner)):
                self.process = self._spawn()
                log_event("playground process started", process=self.process.pid)

    def stop(self) -> None:
        """Stop the process; what it was doing is requeued."""
        if self.process is None:
            return
        terminate_process_group(self.process, (signal.SIGTERM, 3.0), (signal.SIGKILL, 10.0))
        self.process = None
        for queue in QUEUES:
            queue.requeue(self.store, self.owner)
        log_event("playground process stopped")

    def _handle_exit(self, code: int) -> None:
        if code == 0:
            return
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        log_event("playground process died", logging.WARNING, how=how)
        log = self._log.relative_to(self.paths.data)
        held = [queue for queue in QUEUES if self.owner in queue.owners(self.store)]
        for queue in held or QUEUES:  # without any, it exited before it took something
            queue.fail_or_retry(self.store, self.owner, f"the answering process exited with {how}; see {log}")

    def _release_orphaned_requests(self) -> None:
        for queue in QUEUES:
            for owner in queue.owners(self.store):
                if owner == self.owner or owner_is_dead(self.paths.data, owner):
                    queue.fail_or_retry(self.store, owner, "the runner that was answering is gone")

    @property
    def _log(self) -> Path:
        return self.paths.data / "logs" / LOG_FILE_NAME

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | self.paths.environment
        with self._log.open("wb") as output:  # truncated: the log holds the newest process only
            return subprocess.Popen([*self.command, self.owner], stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=output, env=environment, start_new_session=True, pass_fds=(self.lock,),
                                    cwd=Path(__file__).resolve().parents[2])
