"""Connect to a Ray cluster, always with a token, and read its nodes.

Ray listens at every address of a host, so a cluster without a token executes what anybody sends to it: such a cluster
is refused.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import ray
from ray.exceptions import AuthenticationError, RayError

from runner.errors import UserError, first_line
from runner.service.cluster_options import AUTO, HEALTH_CHECKS, LOCAL, refuse_address
from store.event_log.nodes import Node

OBJECT_STORE_BYTES = 100_000_000
"""Nothing large is in Ray's object store: files of runs are in the artifact store."""
_PROBE_SECONDS = 120.0
_PROBE = "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1])"


@dataclass(frozen=True)
class Needs:
    """What one run asks a node for."""

    gpus: int
    cpus: int

    def places_on(self, node: Node) -> int:
        """Return how many runs have room on a node that does nothing else."""
        if not node.alive:
            return 0
        return int(min(node.cpus // self.cpus, node.gpus // self.gpus if self.gpus else node.cpus))

    def impossible(self, nodes: Sequence[Node]) -> str:
        """Return why no node could ever take a run; empty if one could."""
        most = max((node.gpus if self.gpus else node.cpus for node in nodes if node.alive), default=0.0)
        return f"{self} of one node, and no node has more than {most:g}" if most < (self.gpus or self.cpus) else ""

    def waits_for(self, nodes: Sequence[Node], free: tuple[float, float]) -> str:
        """Return why a run has no place, where `free` GPUs and CPUs are left on these nodes."""
        total = sum(node.gpus if self.gpus else node.cpus for node in nodes if node.alive)
        return self.impossible(nodes) or f"{self}, {free[0] if self.gpus else free[1]:g} of {total:g} free"

    def __str__(self) -> str:
        needed = self.gpus or self.cpus
        return f"needs {needed} {'GPU' if self.gpus else 'CPU'}{'s' if needed > 1 else ''}"


def connect(address: str) -> None:
    """Connect to the cluster that `RAY_ADDRESS` names or that runs on this host (`auto`), or start one (`local`).

    Raises:
        UserError: there is no such cluster, it refuses the token, or it asks for none.
    """
    quiet = {"log_to_driver": False, "configure_logging": False}
    if address == LOCAL:
        os.environ.update({name: os.environ.get(name, value) for name, value in HEALTH_CHECKS.items()})
        ray.init(address="local", include_dashboard=False, object_store_memory=OBJECT_STORE_BYTES, **quiet)
        return
    wanted = os.environ.get("RAY_ADDRESS") or AUTO
    if why := refuse_address(wanted) if "://" in wanted else None:
        raise UserError(f"RAY_ADDRESS: {why}")
    try:
        ray.init(address=wanted, **quiet)
    except (AuthenticationError, RuntimeError) as error:
        raise UserError("the Ray cluster refuses this token: set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the one of "
                        f"the cluster ({first_line(error, 200)})") from error
    except (ConnectionError, RayError, ValueError) as error:
        raise UserError("no Ray cluster can be reached with this token: set RAY_ADDRESS to HEAD:6379 or start a node "
                        "here, and set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the cluster's token "
                        f"({first_line(error, 200)})") from error
    if not asks_for_token():
        ray.shutdown()
        raise UserError("the Ray cluster asks for no token, so anybody who reaches it can execute code: start each of "
                        "its nodes with RAY_AUTH_MODE=token")


def asks_for_token() -> bool:
    """Return whether the connected cluster refuses a connection without a token."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_AUTH")}
    probe = subprocess.run([sys.executable, "-c", _PROBE, ray.get_runtime_context().gcs_address],
                           env=environment | {"RAY_AUTH_MODE": "disabled"}, capture_output=True, text=True,
                           timeout=_PROBE_SECONDS)
    return probe.returncode != 0 and "InvalidAuthToken" in probe.stderr


def cluster_nodes() -> list[Node]:
    """Return all nodes, those that are gone included."""
    return [_node(row) for row in ray.nodes()]


def free_resources() -> tuple[float, float]:
    """Return the GPUs and CPUs of all nodes that nothing uses, of this program or another."""
    free = ray.available_resources()
    return free.get("GPU", 0.0), free.get("CPU", 0.0)


def default_needs(nodes: Sequence[Node], gpus: int | None, at_once: int | None) -> Needs:
    """Return what a run asks for: one GPU where a node has one; without, all CPUs of the smallest node.

    A run on a CPU uses all of it; where a number of runs was asked for, several share a node.
    """
    alive = [node for node in nodes if node.alive]
    wanted = gpus if gpus is not None else int(any(node.gpus for node in alive))
    smallest = min((int(node.cpus) for node in alive if node.cpus >= 1), default=1)
    return Needs(wanted, 1 if wanted or at_once else smallest)


def _node(row: dict[str, object]) -> Node:
    resources = row["Resources"]
    assert isinstance(resources, dict)
    identity = str(row["NodeID"])
    return Node(identity, f"{row['NodeManagerHostname']}/{identity[:8]}", bool(row["Alive"]),
                float(resources.get("CPU", 0.0)), float(resources.get("GPU", 0.0)),
                reason="" if row["Alive"] else str(row.get("DeathReasonMessage") or "it does not answer"))
