"""Runs on a real Ray cluster: two nodes on this machine, with a data folder each, and a PostgreSQL store.

`make ray` runs these in an environment of their own, where Ray is installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Store, open_store
from tests.runner.same_run import launch, outcome, undisturbed
from tests.runner.service.launcher_contract import held_at_an_item, places_of, recoveries_of, workers_of
from tests.runner.service.ray_nodes import RayNodes, ray_nodes, ray_runner
from tests.runner.watching import run_of, until
from tests.store.postgres_server import database, server

pytestmark = [pytest.mark.engines, pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="no Ray here")]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with server() as url, database(url) as address:
        yield address


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which workers say that they hold at an item."""
    return tmp_path_factory.mktemp("items")


@pytest.fixture(scope="module")
def environment(address: str, items: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    artifacts = tmp_path_factory.mktemp("artifacts")
    return {"STORE_URL": address, "ARTIFACTS": artifacts.as_uri(), **held_at_an_item(items)}


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    with ray_nodes(tmp_path_factory.mktemp("nodes"), environment) as nodes:
        yield nodes


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    opened = open_store(address)
    yield opened
    opened.close()


def test_a_worker_and_a_node_that_are_killed_change_nothing_about_a_result(
        cluster: RayNodes, store: Store, environment: dict[str, str], items: Path, tmp_path: Path) -> None:
    """SIGKILL of a run's worker, then of the whole node, while another run goes on: what one machine comes to."""
    disturbed, other = launch(store, 1), launch(store, 2)
    with ray_runner(cluster, tmp_path / "driver", tmp_path / "serve.log", environment):
        until(lambda: (items / "held").exists() and len(workers_of(disturbed) + workers_of(other)) == 2)
        (items / "held").unlink()
        for process in workers_of(disturbed):
            process.kill()
        until(lambda: run_of(store, disturbed).attempts == 2 and (items / "held").exists())
        where = run_of(store, disturbed).node or ""
        lost = next(node for node in cluster.nodes if f"/{node.node_id[:8]}" in where)
        cluster.kill(lost)
        (items / "go").touch()
        until(lambda: {run_of(store, run).work for run in (disturbed, other)} == {"finished"})
    cluster.add()
    assert recoveries_of(store, disturbed) == ["process killed", "node lost"]
    places = places_of(store, disturbed)
    assert len(places) == 3 and places[2] != places[1] == where
    for number, run in enumerate((disturbed, other), 1):
        assert outcome(store, run) == undisturbed(tmp_path / run, number)
