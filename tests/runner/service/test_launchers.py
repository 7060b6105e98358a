"""One contract for child processes and for a cluster, which is simulated here; `test_ray.py` has a real one."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from runner.cli.main import main
from runner.pipeline.recovery import RECOVERY, ErrorKind
from runner.service import worker_exits
from runner.service.supervisor import Supervisor
from store import commands
from store.database import Store
from store.paths import Paths
from store.schema import nodes
from tests.runner.same_run import launch, outcome, undisturbed
from tests.runner.service.fake_cluster import FakeCluster
from tests.runner.service.launcher_contract import (
    CONTRACT, ENDLESS, WORKER, Check, held_at_an_item, in_training, places_of, recoveries_of,
)
from tests.runner.watching import run_of, tick_until, until


@pytest.fixture
def paths(paths: Paths) -> Paths:
    """With an artifact store, which the nodes of a cluster share."""
    return Paths(paths.data, paths.store_url, (paths.data / "artifacts").as_uri())


@pytest.fixture(autouse=True)
def items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which workers say that they hold at an item."""
    for name, value in held_at_an_item(tmp_path / "items").items():
        monkeypatch.setenv(name, value)
    return tmp_path / "items"


@pytest.fixture
def cluster(paths: Paths) -> FakeCluster:
    return FakeCluster(paths, WORKER)


def on_cluster(store: Store, paths: Paths, cluster: FakeCluster) -> Supervisor:
    return Supervisor(store, paths, at_once=8, make_launcher=lambda _, lock: cluster)


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["child processes", "a cluster"])
def test_a_launcher_keeps_the_contract(store: Store, paths: Paths, kind: str, check: Check,
                                       items: Path) -> None:
    if kind == "child processes":
        supervisor = Supervisor(store, paths, worker=(sys.executable, str(WORKER)), oom_kills=lambda: 0,
                                ram_available=lambda: (2, 1))
    else:
        cluster = FakeCluster(paths, WORKER)
        cluster.add()
        supervisor = on_cluster(store, paths, cluster)
    check(supervisor, store, items)
    supervisor.close()


def test_a_lost_node_is_no_crash_and_the_run_goes_on_at_another_to_the_same_result(
        store: Store, paths: Paths, cluster: FakeCluster, items: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLD_ITEM", "3")
    first, supervisor = cluster.add(), on_cluster(store, paths, cluster)
    run = launch(store)
    crashed = RECOVERY[ErrorKind.PROCESS_KILLED]
    monkeypatch.setitem(RECOVERY, ErrorKind.PROCESS_KILLED, dataclasses.replace(crashed, retries=1))
    for _ in range(2):  # more often than a worker may crash
        tick_until(supervisor, (items / "held").exists)
        cluster.kill(first)
        first = cluster.add()
        (items / "held").unlink()
    (items / "go").touch()
    tick_until(supervisor, lambda: run_of(store, run).work == "finished" and not supervisor.children)
    supervisor.close()
    assert recoveries_of(store, run) == ["node lost"] * 2
    assert places_of(store, run) == [f"node-{number}" for number in range(1, 4)]
    assert outcome(store, run) == undisturbed(paths.data / "alone")
    with store.read() as connection:
        rows = connection.execute(select(nodes).order_by(nodes.c.name)).all()
    assert [row.alive for row in rows] == [False] * 2 + [True]
    assert all(row.gone_at and row.reason for row in rows[:2])


def test_a_run_without_a_place_says_what_it_needs_and_keeps_its_lease_until_there_is_one(
        store: Store, paths: Paths, cluster: FakeCluster, items: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (items / "go").touch()
    from runner.service import supervisor as supervisor_module

    monkeypatch.setattr(supervisor_module, "RENEW_SECONDS", 0.0)
    cluster.add()
    supervisor = on_cluster(store, paths, cluster)
    first, second, third = launch(store, 1, steps=ENDLESS), launch(store, 2), launch(store, 3)
    tick_until(supervisor, lambda: in_training(store, first) and run_of(store, second).waits_for)
    assert run_of(store, second).waits_for == "needs 1 CPU, 0 of 1 free"
    assert run_of(store, third).waits_for is None and len(supervisor.children) == 2  # one waits, the rest is queued
    from store.schema import claims

    def lease() -> float:
        with store.read() as connection:
            return float(connection.execute(select(claims.c.expires_at).where(claims.c.run == second)).scalar_one())

    before = lease()
    tick_until(supervisor, lambda: lease() > before)
    commands.change_run_state(store, "cancel", second)  # one that waits is given up at once
    tick_until(supervisor, lambda: run_of(store, second).work == "cancelled")
    assert places_of(store, second) == []
    cluster.add()
    tick_until(supervisor, lambda: run_of(store, third).work == "finished")
    assert run_of(store, third).waits_for is None and run_of(store, third).node == "node-2"
    supervisor.close()


def test_a_run_that_no_node_can_start_waits_with_the_reason_and_never_fails(
        store: Store, paths: Paths, cluster: FakeCluster, items: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (items / "go").touch()
    monkeypatch.setattr(worker_exits, "MOST_WAIT_SECONDS", 0.0)
    cluster.add(code="another version")
    supervisor = on_cluster(store, paths, cluster)
    run = launch(store)
    refused: set[int] = set()

    def tries() -> int:
        refused.update(child.claim.fence for child in supervisor.children)
        return len(refused)

    tick_until(supervisor, lambda: tries() > 5)  # more often than a worker may crash
    until(lambda: run_of(store, run).waits_for, supervisor.tick)
    assert run_of(store, run).work == "queued" and "another version" in str(run_of(store, run).waits_for)
    assert recoveries_of(store, run) == ["not placed"]  # recorded once, not at every try
    cluster.kill(cluster.fakes[0])
    cluster.add()
    tick_until(supervisor, lambda: run_of(store, run).work == "finished" and not supervisor.children)
    assert recoveries_of(store, run) == ["not placed"]
    supervisor.close()


@pytest.mark.parametrize(("arguments", "store_url", "says"), [
    (["--ray", "ray://head:10001"], "postgresql+psycopg://x/y", "--ray http://HEAD:8265"),
    (["--ray", "auto"], "", "needs a PostgreSQL store"),
    (["--ray", "http://head:8265"], "", "needs a PostgreSQL store"),
    (["--ray", "nonsense"], "postgresql+psycopg://x/y", "is no address of a Ray cluster"),
    (["--ray", "http://"], "postgresql+psycopg://x/y", "is no address of a Ray cluster"),
    (["--gpus", "2"], "", "--gpus goes with --ray")])
@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_a_cluster_that_cannot_work_is_refused_in_one_sentence(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str,
        arguments: list[str], store_url: str, says: str) -> None:
    if command == "doctor" and (arguments[0] == "--gpus" or arguments[1].startswith("http")):
        pytest.skip("serve's alone")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("STORE_URL", store_url)
    assert main([command, *arguments]) == 2
    assert says in capsys.readouterr().err and not (tmp_path / "data").exists()
