"""Execute runs on the nodes of a Ray cluster: an actor for each run hosts its worker where there is room.

Ray decides where, and reports what died. It retries nothing: a worker that is lost is handled by the supervisor as any
other, its run is claimed again, and the new claim has another fencing token.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError

from runner.pipeline.recovery import ErrorKind
from runner.service.on_ray import node_actor
from runner.service.code_hash import ROOT, code_sha256
from runner.service.launcher import WorkerExit
from runner.service.on_ray.cluster import Needs, cluster_nodes, connect, default_needs, free_resources
from runner.service.runner_log import log_event
from runner.service.supervisor import Supervisor
from store.event_log.journal import Claim
from store.event_log.nodes import Node
from store.paths import Paths

NODES_SECONDS = 1.0
"""How often the nodes are read."""
START_SECONDS = 60.0
"""How long a worker may take to start where there is room, before it counts as waiting for a place."""


class RayWorker:
    """A worker on a node, or one that waits for a node."""

    def __init__(self, launcher: RayLauncher, claim: Claim) -> None:
        needs = launcher.needs
        self._launcher = launcher
        self._requested_at = time.monotonic()
        self._actor = launcher.actor.options(
            name=f"{claim.run} {claim.fence}", num_cpus=needs.cpus, num_gpus=needs.gpus, max_restarts=0,
            max_task_retries=0, max_concurrency=8, scheduling_strategy="SPREAD").remote(str(ROOT))
        self._started = self._actor.started.remote()
        self._ended = self._actor.execute.remote({
            "claim": (claim.run, claim.owner, claim.fence, claim.attempt), "command": launcher.command,
            "environment": launcher.paths.environment, "code_sha256": code_sha256()})
        self._exit: WorkerExit | None = None
        self.node_id = ""
        self.place = ""

    def poll(self) -> WorkerExit | None:
        """Return how the worker ended; None while it works or waits."""
        if self._exit is None:
            self._look_where()
            if ray.wait([self._ended], timeout=0)[0]:
                self._exit = self._read_exit()
        return self._exit

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the worker's process group, by way of its node."""
        if self._exit is None and self.place:
            self._actor.send_signal.remote(int(number))

    def wait(self, seconds: float) -> bool:
        """Wait until the worker has ended, so long at most."""
        return self._exit is not None or bool(ray.wait([self._ended], timeout=seconds)[0])

    def abandon(self) -> None:
        """End the actor: the kernel takes its worker along, and its place is free."""
        with contextlib.suppress(RayError):
            ray.kill(self._actor)
        self._launcher.forget(self)

    @property
    def waits_for(self) -> str:
        """Why the worker has no place yet; empty if it has one, or is being started."""
        if self.place or self._exit:
            return ""
        return self._launcher.waits_for(self, time.monotonic() - self._requested_at)

    def _look_where(self) -> None:
        if not self.place and ray.wait([self._started], timeout=0)[0]:
            with contextlib.suppress(RayError):  # the other call says why
                self.node_id, node, process = ray.get(self._started)
                self.place = f"node {node}, process {process}"

    def _read_exit(self) -> WorkerExit:
        try:
            fields: dict[str, Any] = ray.get(self._ended)
        except RayError as error:
            return self._loss(error)
        return WorkerExit(**dict(fields, lost=ErrorKind(fields["lost"]) if fields.get("lost") else None))

    def _loss(self, error: RayError) -> WorkerExit:
        """Tell a worker that was never placed from one whose node or actor died, and from one that memory was taken."""
        reason = " ".join(str(error).split())[-400:]
        if not self.place:
            return WorkerExit(lost=ErrorKind.NOT_PLACED, reason=f"no node could start it: {reason}")
        if isinstance(error, OutOfMemoryError) or "OOM" in reason:
            return WorkerExit(-int(signal.SIGKILL), out_of_memory=True, log_tail=reason)
        return WorkerExit(lost=ErrorKind.NODE_LOST, reason=f"{self.place.partition(',')[0]} is gone: {reason}")


@dataclass
class RayLauncher:
    """Places each run on one node of the connected cluster."""

    paths: Paths
    command: Sequence[str]
    """Executes a run, on any node; the claim is appended."""
    needs: Needs
    actor: Any = None
    _workers: list[RayWorker] = field(default_factory=list)
    _nodes: list[Node] = field(default_factory=list)
    _read_at: float = 0.0

    def __post_init__(self) -> None:
        ray.cloudpickle.register_pickle_by_value(node_actor)
        self.actor = ray.remote(node_actor.HostActor)
        if self.command[0] == sys.executable:
            self.command = ["python", *self.command[1:]]  # a node has an interpreter of its own

    def start(self, claim: Claim) -> RayWorker:
        """Ask the cluster for a place for a claim's worker."""
        worker = RayWorker(self, claim)
        self._workers.append(worker)
        return worker

    def most_at_once(self) -> int:
        """Return one more than there are places, so that an autoscaler sees that a node is needed."""
        return sum(self.needs.places_on(node) for node in self._read()) + 1

    def nodes(self) -> Sequence[Node]:
        """Return the nodes, with what the runs of this runner use."""
        nodes, use = self._read(), [worker.node_id for worker in self._workers if worker.place]
        return [replace(node, cpus_used=float(self.needs.cpus * use.count(node.id)),
                        gpus_used=float(self.needs.gpus * use.count(node.id))) for node in nodes]

    def waits_for(self, worker: RayWorker, seconds: float) -> str:
        """Return why a worker waits: all places are taken by runs before it, or by others."""
        places = sum(self.needs.places_on(node) for node in self._read())
        if self._workers.index(worker) < places and seconds < START_SECONDS:
            return ""
        return self.needs.waits_for(self._read(), free_resources())

    def forget(self, worker: RayWorker) -> None:
        """Count a worker's place as free."""
        if worker in self._workers:
            self._workers.remove(worker)

    def _read(self) -> list[Node]:
        if time.monotonic() - self._read_at >= NODES_SECONDS or not self._read_at:
            self._nodes, self._read_at = cluster_nodes(), time.monotonic()
        return self._nodes


def open_ray(address: str, gpus: int | None, at_once: int | None) -> Needs:
    """Connect to a cluster; return what each run asks of a node, and say at once if no node has it.

    Raises:
        UserError: there is no such cluster, or it cannot be used.
    """
    connect(address)
    nodes = cluster_nodes()
    needs = default_needs(nodes, gpus, at_once)
    log_event("cluster connected", nodes=sum(node.alive for node in nodes), each_run=str(needs),
              places=sum(needs.places_on(node) for node in nodes))
    if why := needs.impossible(nodes):
        log_event("runs wait: no node of the cluster can take one", logging.WARNING, why=why)
    return needs


def ray_launcher(needs: Needs, supervisor: Supervisor, lock: int) -> RayLauncher:
    """Return what starts workers on the connected cluster; the owner's lock stays with the runner alone."""
    return RayLauncher(supervisor.paths, supervisor.worker, needs)
