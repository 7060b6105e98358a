"""Host one worker process on a node of a cluster: start it, pass signals on, and report how it ended.

It runs in a process of its own beside the worker, which the kernel kills when that process ends, however it ends.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.hardware import oom_kills, ram
from runner.pipeline.recovery import ErrorKind
from runner.service.code_hash import code_sha256
from runner.service.launcher import WorkerExit
from runner.service.local_launcher import ROOT, LocalWorker, claim_arguments, open_log
from runner.service.oom_watch import OomWatch
from runner.service.parent_death import PARENT_VARIABLE
from store.event_log.journal import Claim
from store.event_log.nodes import NODE_VARIABLE
from store.paths import Paths

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class WorkerRequest:
    """Everything that a node needs to start a worker. API keys are no part of it: a node has its own environment."""

    claim: Claim
    command: Sequence[str]
    """Executes a run; the claim is appended. A leading `python` stands for the node's own interpreter."""
    environment: Mapping[str, str]
    """DATA_DIR is used only where the node has none of its own."""
    code_sha256: str


class WorkerHost:
    """At most one worker."""

    def __init__(self, node: str) -> None:
        """Args:
            node: name of this node, with the GPUs that the worker has.
        """
        self._node = node
        self._worker: LocalWorker | None = None
        self._begun = asyncio.Event()

    async def execute(self, request: WorkerRequest) -> WorkerExit:
        """Start the worker, and return how it ended; a node with other code refuses it."""
        if request.code_sha256 != code_sha256():
            return WorkerExit(lost=ErrorKind.NOT_PLACED, reason=f"node {self._node} has another version of the program")
        try:
            self._worker = self._start(request)
        except OSError as error:
            return WorkerExit(lost=ErrorKind.NOT_PLACED, reason=f"node {self._node} cannot start a worker: {error}")
        self._begun.set()
        while (ended := self._worker.poll()) is None:
            await asyncio.sleep(POLL_SECONDS)
        return ended

    async def started(self) -> int:
        """Return the worker's process id, as soon as there is one."""
        await self._begun.wait()
        assert self._worker is not None
        return self._worker.process.pid

    async def send_signal(self, number: int) -> None:
        """Send a signal to the worker's process group."""
        if self._worker is not None:
            self._worker.send_signal(signal.Signals(number))

    def _start(self, request: WorkerRequest) -> LocalWorker:
        data = Path(os.environ.get("DATA_DIR") or request.environment["DATA_DIR"])
        log = Paths(data, "").run(request.claim.run) / "worker.log"
        command = [sys.executable if part == "python" else part for part in request.command[:1]]
        environment = os.environ | dict(request.environment) | {
            "DATA_DIR": str(data), NODE_VARIABLE: self._node, PARENT_VARIABLE: str(os.getpid())}
        with open_log(log) as output:
            process = subprocess.Popen([*command, *request.command[1:], *claim_arguments(request.claim)],
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                                       start_new_session=True, cwd=ROOT)
        return LocalWorker(process, log, OomWatch(oom_kills, ram))


def as_fields(ended: WorkerExit) -> dict[str, object]:
    """Return an exit as plain values, which another version of the program can read too."""
    return dataclasses.asdict(ended) | {"lost": str(ended.lost) if ended.lost else None}
