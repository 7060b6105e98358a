"""A Ray cluster on this machine: a head without CPUs and nodes with a data folder each, all of it killed at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from runner.service.cluster_options import HEALTH_CHECKS, require_token
from tests.store.postgres_server import free_port

START_TRIES = 5
"""On a busy machine a raylet gives up before its own agent is there."""
START_SECONDS = 120.0
ROOT = Path(__file__).resolve().parents[3]
SERVE = ROOT / "tests" / "runner" / "serve_on_demand.py"


class RayNodes:
    """The head and the nodes."""

    def __init__(self, folder: Path, environment: Mapping[str, str], job_server: bool = False) -> None:
        """Args:
            folder: each node has its data folder here.
            environment: of the nodes, and so of workers.
            job_server: the head takes jobs too.
        """
        require_token()
        os.environ.update(HEALTH_CHECKS, RAY_AUTH_TOKEN=secrets.token_hex(32))
        # A busy machine answers late; what is killed is noticed by its closed connection anyhow.
        os.environ.update(RAY_health_check_timeout_ms="5000", RAY_health_check_failure_threshold="20",
                          RAY_worker_niceness="0", RAY_agent_register_timeout_ms="300000",
                          RAY_gcs_rpc_server_reconnect_timeout_s="10", RAY_memory_monitor_refresh_ms="0")
        _wait_longer_for_nodes()  # Ray reads the environment when it is imported
        self.folder, self._environment = folder, dict(environment)
        self._count, self._job_server = 0, job_server
        self._temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets have short paths
        self._start_head()

    def _start_head(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # a job's `python` is the program's
        self._start(num_cpus=0, include_dashboard=self._job_server, dashboard_port=free_port(),
                    dashboard_agent_listen_port=free_port(), temp_dir=self._temporary,
                    env_vars=self._environment | {"DATA_DIR": str(self.folder / "head"), "PATH": path})
        self.nodes: list[Any] = []
        if self._job_server:  # a job joins the cluster that is noted here
            from ray._private.utils import write_ray_address

            write_ray_address(str(self._cluster.address), self._temporary)

    @property
    def environment(self) -> dict[str, str]:
        """What a driver needs to join."""
        return {"RAY_ADDRESS": str(self._cluster.address)}

    @property
    def jobs(self) -> str:
        """The address that takes jobs."""
        return f"http://{self._cluster.webui_url}"

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
        for process in processes_of(node) if everything else processes_of(node)[:1]:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.nodes.remove(node)

    def replace_lost(self) -> None:
        """Replace nodes that the cluster gave up by itself, as on a machine too busy for its health checks."""
        for node in [node for node in self.nodes if not any(lives(process) for process in processes_of(node)[:1])]:
            self.nodes.remove(node)
            self.add()

    def kill_head(self, count: int = 2) -> Callable[[], None]:
        """SIGKILL the head, and start another one with nodes of its own; returns what ends the nodes of the first."""
        orphans = self._cluster
        for infos in self._cluster.head_node.all_processes.values():
            for info in infos:
                with contextlib.suppress(psutil.Error):
                    psutil.Process(info.process.pid).kill()
        self._start_head()
        for _ in range(count):
            self.add()
        return orphans.shutdown

    def stop(self) -> None:
        """End all of it."""
        self._cluster.shutdown()
        shutil.rmtree(self._temporary, ignore_errors=True)


def processes_of(node: Any) -> list[psutil.Process]:
    """The processes on a node: its raylet first, then those that it started."""
    found: list[psutil.Process] = []
    for kind, infos in node.all_processes.items():
        for info in infos if "raylet" in kind else ():
            with contextlib.suppress(psutil.Error):
                raylet = psutil.Process(info.process.pid)
                found += [raylet, *raylet.children(recursive=True)]
    return found


def lives(process: psutil.Process) -> bool:
    """Whether a process runs: one that has ended and is still listed does not."""
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _dead_raylets() -> int:
    """How many raylets that this process started are dead and still listed."""
    return sum(child.name() == "raylet" and child.status() == psutil.STATUS_ZOMBIE
               for child in psutil.Process().children())


def _wait_longer_for_nodes() -> None:
    """Let Ray wait for a node that starts as long as it takes on a busy machine; its own limit is half a minute."""
    from ray._private import services

    once = services.get_node

    def again_and_again(*given: Any) -> Any:
        limit, dead = time.monotonic() + START_SECONDS, _dead_raylets()
        while True:
            try:
                return once(*given)
            except RuntimeError:
                if time.monotonic() > limit or _dead_raylets() > dead:
                    raise
            time.sleep(0.1)

    if once.__name__ == "get_node":
        services.get_node = again_and_again


@contextlib.contextmanager
def ray_nodes(folder: Path, environment: Mapping[str, str], count: int = 2,
              job_server: bool = False) -> Iterator[RayNodes]:
    """A cluster with so many nodes of one CPU each."""
    before = dict(os.environ)
    cluster = RayNodes(folder, environment, job_server)
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
