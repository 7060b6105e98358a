"""A Ray cluster on this machine: a head without CPUs and nodes with a data folder each, all of it killed at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from runner.service.cluster_options import HEALTH_CHECKS, require_token

START_TRIES = 5
"""On a busy machine a raylet gives up before its own agent is there."""
ROOT = Path(__file__).resolve().parents[3]
SERVE = ROOT / "tests" / "runner" / "serve_on_demand.py"


class RayNodes:
    """The head and the nodes."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """Args:
            folder: each node has its data folder here.
            environment: of the nodes, and so of workers.
        """
        require_token()
        os.environ.update(HEALTH_CHECKS, RAY_AUTH_TOKEN=secrets.token_hex(32))
        # A busy machine answers late; what is killed is noticed by its closed connection anyhow.
        os.environ.update(RAY_health_check_timeout_ms="5000", RAY_health_check_failure_threshold="5",
                          RAY_worker_niceness="0")
        from ray.cluster_utils import Cluster  # Ray reads the environment when it is imported

        self.folder, self._environment = folder, dict(environment)
        self._cluster = Cluster()
        self._count = 0
        self._start(num_cpus=0, include_dashboard=False)
        self.nodes: list[Any] = []

    @property
    def environment(self) -> dict[str, str]:
        """What a driver needs to join."""
        return {"RAY_ADDRESS": str(self._cluster.address)}

    def add(self, cpus: int = 1, **environment: str) -> Any:
        """Start a node with an empty data folder; returns when it has joined."""
        self._count += 1
        data = self.folder / f"node-{self._count}"
        data.mkdir(parents=True)
        node = self._start(num_cpus=cpus, env_vars=self._environment | {"DATA_DIR": str(data)} | environment)
        self.nodes.append(node)
        return node

    def _start(self, **options: Any) -> Any:
        for left in reversed(range(START_TRIES)):
            try:
                return self._cluster.add_node(wait=False, object_store_memory=80_000_000, **options)
            except Exception:
                if not left:
                    raise
        return None

    def kill(self, node: Any, everything: bool = True) -> None:
        """SIGKILL a node: everything on it, as if the machine were gone, or the raylet alone."""
        raylets = [info.process.pid for kind, infos in node.all_processes.items() if "raylet" in kind for info in infos]
        for pid in raylets:
            with contextlib.suppress(psutil.Error):
                family = psutil.Process(pid).children(recursive=True) if everything else []
                for process in [psutil.Process(pid), *family]:
                    with contextlib.suppress(psutil.Error):
                        process.kill()
        self.nodes.remove(node)

    def stop(self) -> None:
        """End all of it."""
        self._cluster.shutdown()


@contextlib.contextmanager
def ray_nodes(folder: Path, environment: Mapping[str, str], count: int = 2) -> Iterator[RayNodes]:
    """A cluster with so many nodes of one CPU each."""
    before = dict(os.environ)
    cluster = RayNodes(folder, environment)
    try:
        for _ in range(count):
            cluster.add()
        yield cluster
    finally:
        cluster.stop()
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def ray_runner(cluster: RayNodes, data: Path, log: Path, environment: Mapping[str, str],
               *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`serve --ray auto` in a process of its own, whose workers use fake models."""
    whole = os.environ | dict(environment) | cluster.environment | {"DATA_DIR": str(data)}
    with log.open("ab") as output:
        process = subprocess.Popen([sys.executable, str(SERVE), "--ray", "auto", *options], stdout=output,
                                   stderr=output, env=whole, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
