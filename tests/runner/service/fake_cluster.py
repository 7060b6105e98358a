"""A cluster of nodes that are threads and child processes of the test: the launcher's contract without Ray.

What starts a worker on a node is the real thing (`worker_host.py`); what decides where, and what says that a node is
gone, is simulated.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.pipeline.recovery import ErrorKind
from runner.service.code_hash import code_sha256
from runner.service.launcher import WorkerExit
from runner.service.worker_host import WorkerHost, WorkerRequest
from store.event_log.journal import Claim
from store.event_log.nodes import Node
from store.paths import Paths


@dataclass
class FakeNode:
    """A node with room for some workers, and the code of some version of the program."""

    name: str
    data: Path
    places: int = 1
    code: str = ""
    """Hash of the code that it has; empty for that of the runner."""
    alive: bool = True
    workers: list[FakeWorker] = field(default_factory=list)


class FakeWorker:
    """A worker on a node, or one that waits for a node."""

    def __init__(self, cluster: FakeCluster, claim: Claim) -> None:
        self._cluster, self.claim = cluster, claim
        self.node: FakeNode | None = None
        self.host: WorkerHost | None = None
        self._ended: concurrent.futures.Future[WorkerExit] | None = None
        self._lost: WorkerExit | None = None

    def poll(self) -> WorkerExit | None:
        self._cluster.place_waiting()
        if self._lost or self._ended is None or not self._ended.done():
            return self._lost
        return self._ended.result()

    def begin(self, node: FakeNode) -> None:
        """Execute the claim at a node."""
        self.node, self.host = node, WorkerHost(node.name)
        paths = self._cluster.paths
        request = WorkerRequest(self.claim, self._cluster.command, paths.environment | {"DATA_DIR": str(node.data)},
                                node.code or code_sha256())
        self._ended = asyncio.run_coroutine_threadsafe(self.host.execute(request), self._cluster.loop)

    def send_signal(self, number: signal.Signals) -> None:
        if self.host and self._ended and not self._ended.done():
            asyncio.run_coroutine_threadsafe(self.host.send_signal(int(number)), self._cluster.loop).result(60)

    def wait(self, seconds: float) -> bool:
        if self._ended and not self._lost:
            concurrent.futures.wait([self._ended], seconds)
        return self.poll() is not None

    def abandon(self) -> None:
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)
        self._cluster.forget(self)

    def lose(self, reason: str) -> None:
        """Its node is gone: nobody can say how it ended."""
        self._lost = WorkerExit(lost=ErrorKind.NODE_LOST, reason=reason)

    @property
    def place(self) -> str:
        process = self.host._worker if self.host else None
        return f"node {self.node.name}, process {process.process.pid}" if self.node and process else ""

    @property
    def waits_for(self) -> str:
        self._cluster.place_waiting()
        free = sum(node.places - len(node.workers) for node in self._cluster.living())
        total = sum(node.places for node in self._cluster.living())
        return "" if self.node else f"needs 1 CPU, {free} of {total} free"


class FakeCluster:
    """The launcher: places claims at nodes in the order in which they come."""

    def __init__(self, paths: Paths, worker: Path) -> None:
        self.paths, self.command = paths, ("python", str(worker))
        self.fakes: list[FakeNode] = []
        self._waiting: list[FakeWorker] = []
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def add(self, places: int = 1, code: str = "") -> FakeNode:
        """Add a node with an empty data folder."""
        name = f"node-{len(self.fakes) + 1}"
        self.fakes.append(FakeNode(name, self.paths.data / name, places, code))
        return self.fakes[-1]

    def kill(self, node: FakeNode) -> None:
        """SIGKILL all that is on a node, which says nothing any more."""
        node.alive = False
        for worker in list(node.workers):
            worker.lose(f"node {node.name} is gone: it does not answer")
            worker.send_signal(signal.SIGKILL)

    def living(self) -> list[FakeNode]:
        return [node for node in self.fakes if node.alive]

    def start(self, claim: Claim) -> FakeWorker:
        self._waiting.append(FakeWorker(self, claim))
        worker = self._waiting[-1]
        self.place_waiting()
        return worker

    def place_waiting(self) -> None:
        """Give free places to those that wait."""
        for worker in list(self._waiting):
            free = next((node for node in self.living() if len(node.workers) < node.places), None)
            if free:
                self._waiting.remove(worker)
                free.workers.append(worker)
                worker.begin(free)

    def forget(self, worker: FakeWorker) -> None:
        with contextlib.suppress(ValueError):
            self._waiting.remove(worker)
        if worker.node and worker in worker.node.workers:
            worker.node.workers.remove(worker)

    def most_at_once(self) -> int:
        return sum(node.places for node in self.living()) + 1

    def nodes(self) -> Sequence[Node]:
        return [Node(node.name, node.name, node.alive, cpus=node.places,
                     cpus_used=len(node.workers) if node.alive else 0, reason="" if node.alive else "does not answer")
                for node in self.fakes]


WORKER = Path(__file__).parents[1] / "worker_on_demand.py"
