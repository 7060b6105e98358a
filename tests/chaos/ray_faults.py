"""What happens to a cluster while it executes a run: each kind of fault as a function, in one table."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import select

from store.database import Store
from store.schema import claims
from tests.runner.artifact_store.failing_s3 import BREAKS_OFF, ERRS, REFUSES, WELL, FailingS3
from tests.runner.service.launcher_contract import places_of, workers_of
from tests.runner.service.ray_nodes import RayNodes, lives, processes_of, ray_runner
from tests.runner.watching import run_of, until_seldom
from tests.store.postgres_server import Server

STORE_SECONDS = 30.0
"""How long the store is gone: longer than a worker retries a write, and as long as a lease."""
BUCKET_SECONDS = 15.0


class Runner:
    """`serve --ray auto`, started again when it was killed; it counts as another host than the other runners."""

    def __init__(self, cluster: RayNodes, folder: Path, name: str, environment: dict[str, str]) -> None:
        self._started = contextlib.ExitStack()
        self._given = cluster, folder / name, folder / f"{name}.log", environment | {"CUDA_VISIBLE_DEVICES": name}
        self.start()

    def start(self) -> None:
        self.process = self._started.enter_context(ray_runner(*self._given))

    def send_signal(self, number: signal.Signals) -> None:
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
        self.process.wait()
        self.start()

    def close(self) -> None:
        self._started.close()


@dataclass
class Site:
    """Everything that can be disturbed."""

    store: Store
    cluster: RayNodes
    runners: list[Runner]
    database: Server
    bucket: FailingS3


Fault = Callable[[Site, str], None]


def kill_worker(site: Site, run: str) -> None:
    _kill(workers_of(run))


def kill_actor(site: Site, run: str) -> None:
    for worker in workers_of(run):
        with contextlib.suppress(psutil.Error):
            _kill([host for host in (worker.parent(),) if host])


def kill_raylet(site: Site, run: str) -> None:
    site.cluster.kill(_node_of(site, run), everything=False)
    site.cluster.add()


def kill_node(site: Site, run: str) -> None:
    site.cluster.kill(_node_of(site, run))
    site.cluster.add()


def kill_head(site: Site, run: str) -> None:
    """Its nodes live on for a while without it; the runners end by themselves, and are started again."""
    begun = len(places_of(site.store, run))
    end_orphans = site.cluster.kill_head()
    for runner in site.runners:
        until_seldom(lambda: runner.process.poll() is not None)  # noqa: B023
        runner.start()
    until_seldom(lambda: _goes_on(site, run, begun))
    end_orphans()


def kill_runner(site: Site, run: str) -> None:
    """The one that has the run; the other may take it over."""
    _owner_of(site, run).kill()


def kill_runners(site: Site, run: str) -> None:
    for runner in site.runners:
        runner.kill()


def stop_worker(site: Site, run: str) -> None:
    with _suspended_past_its_lease(site, run, workers_of(run)):
        pass


def stop_node(site: Site, run: str) -> None:
    node = _node_of(site, run)
    with _suspended_past_its_lease(site, run, processes_of(node)):
        pass
    site.cluster.kill(node)
    site.cluster.add()


def stop_runner_and_worker(site: Site, run: str) -> None:
    """Nobody can kill this worker: when it goes on, another runner has its run, and it is on its own."""
    owner = _owner_of(site, run)
    owner.send_signal(signal.SIGSTOP)
    try:
        with _suspended_past_its_lease(site, run, workers_of(run)):
            pass
    finally:
        owner.send_signal(signal.SIGCONT)


def stop_store(site: Site, run: str) -> None:
    """The server ends: connections break off, and new ones are refused."""
    site.database.stop()
    time.sleep(STORE_SECONDS)
    site.database.start()


def suspend_store(site: Site, run: str) -> None:
    """The server answers nothing: every call hangs."""
    site.database.send_signal(signal.SIGSTOP)
    time.sleep(STORE_SECONDS)
    site.database.send_signal(signal.SIGCONT)


def bucket_refuses(site: Site, run: str) -> None:
    _bucket(site, REFUSES)


def bucket_errs(site: Site, run: str) -> None:
    _bucket(site, ERRS)


def bucket_breaks_off(site: Site, run: str) -> None:
    _bucket(site, BREAKS_OFF)


KINDS: dict[str, Fault] = {
    "SIGKILL of the worker": kill_worker,
    "SIGKILL of its actor": kill_actor,
    "SIGKILL of its raylet": kill_raylet,
    "SIGKILL of its node": kill_node,
    "SIGKILL of the head": kill_head,
    "SIGKILL of its runner": kill_runner,
    "SIGKILL of both runners": kill_runners,
    "SIGSTOP of the worker": stop_worker,
    "SIGSTOP of its node": stop_node,
    "SIGSTOP of worker and runner": stop_runner_and_worker,
    "store stopped": stop_store,
    "store hangs": suspend_store,
    "S3 refuses": bucket_refuses,
    "S3 errs": bucket_errs,
    "S3 breaks off": bucket_breaks_off,
}


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _node_of(site: Site, run: str) -> object:
    """The node that executes the run; some node where none does."""
    where = run_of(site.store, run).node or ""
    return next((node for node in site.cluster.nodes if f"/{node.node_id[:8]}" in where), site.cluster.nodes[0])


def _owner_of(site: Site, run: str) -> Runner:
    with site.store.read() as connection:
        owner = connection.execute(select(claims.c.owner).where(claims.c.run == run)).scalar() or "::"
    return next((one for one in site.runners if str(one.process.pid) == owner.rsplit(":", 2)[1]), site.runners[0])


def _goes_on(site: Site, run: str, begun: int) -> bool:
    """Whether the run was begun again since then, or has ended."""
    return len(places_of(site.store, run)) > begun or not run_of(site.store, run).active


@contextlib.contextmanager
def _suspended_past_its_lease(site: Site, run: str, processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Suspend a run's processes until it was begun again elsewhere; let them go on, and wait for the worker's end."""
    begun, workers = len(places_of(site.store, run)), workers_of(run)
    _send(processes, signal.SIGSTOP)
    try:
        until_seldom(lambda: _goes_on(site, run, begun))
        yield
    finally:
        _send(processes, signal.SIGCONT)
    until_seldom(lambda: not any(lives(worker) for worker in workers))


def _send(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _bucket(site: Site, mode: str) -> None:
    site.bucket.mode = mode
    time.sleep(BUCKET_SECONDS)
    site.bucket.mode = WELL
