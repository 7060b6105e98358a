"""Runs on a real Ray cluster: two nodes on this machine, with a data folder each, and a PostgreSQL store.

`make ray` runs these in an environment of their own, where Ray is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import queries
from store.database import Store, open_store
from tests.runner.same_run import launch, outcome, undisturbed
from tests.runner.service.launcher_contract import held_at_an_item, places_of, recoveries_of, workers_of
from tests.runner.service.ray_nodes import ROOT, SERVE, RayNodes, ray_nodes, ray_runner
from tests.runner.watching import run_of, until_seldom
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
    with ray_nodes(tmp_path_factory.mktemp("nodes"), environment, job_server=True) as nodes:
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
        until_seldom(lambda: (items / "held").exists() and len(workers_of(disturbed) + workers_of(other)) == 2)
        (items / "held").unlink()
        for process in workers_of(disturbed):
            process.kill()
        until_seldom(lambda: run_of(store, disturbed).attempts == 2 and (items / "held").exists())
        where = run_of(store, disturbed).node or ""
        lost = next(node for node in cluster.nodes if f"/{node.node_id[:8]}" in where)
        cluster.kill(lost)
        (items / "go").touch()
        until_seldom(lambda: {run_of(store, run).work for run in (disturbed, other)} == {"finished"})
    cluster.add()
    # Ray may try to place it once more on the node that is gone.
    assert [kind for kind in recoveries_of(store, disturbed) if kind != "not placed"] == ["process killed", "node lost"]
    places = places_of(store, disturbed)
    assert len(places) == 3 and places[2] != places[1] == where
    for number, run in enumerate((disturbed, other), 1):
        assert outcome(store, run) == undisturbed(tmp_path / run, number)


def called(cluster: RayNodes, environment: dict[str, str], data: Path, *arguments: str,
           **changes: str) -> subprocess.CompletedProcess[str]:
    whole = os.environ | environment | cluster.environment | {"DATA_DIR": str(data)} | changes
    return subprocess.run([sys.executable, "-m", "runner", *arguments], env=whole, capture_output=True, text=True,
                          cwd=ROOT, timeout=900)


def test_doctor_asks_every_node(cluster: RayNodes, environment: dict[str, str], tmp_path: Path) -> None:
    asked = called(cluster, environment, tmp_path, "doctor", "--ray", "auto", "--json")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    found = json.loads(asked.stdout.splitlines()[-1])
    assert found["problems"] == [] and len(found["nodes"]) == 3
    assert len({node["node"] for node in found["nodes"]}) == 3
    folders = {node["data folder"] for node in found["nodes"]}
    assert len(folders) == 3 and len([one for one in folders if Path(one).parent == cluster.folder]) >= 2
    assert all(node["gpu"] == "none" and node["ray"] and node["cores"] for node in found["nodes"])


def test_doctor_says_what_is_wrong_at_which_node(cluster: RayNodes, environment: dict[str, str],
                                                 tmp_path: Path) -> None:
    asked = called(cluster, environment, tmp_path, "doctor", "--ray", "auto", "--json", ARTIFACTS="",
                   STORE_URL="postgresql+psycopg://tests@127.0.0.1:9/nothing")
    assert asked.returncode == 1, asked.stdout + asked.stderr
    problems = json.loads(asked.stdout.splitlines()[-1])["problems"]
    assert sum("store: " in problem for problem in problems) == 3 and "nodes share no files" in problems[-1]


def test_another_token_is_refused(cluster: RayNodes, environment: dict[str, str], tmp_path: Path) -> None:
    refused = called(cluster, environment, tmp_path, "doctor", "--ray", "auto", RAY_AUTH_TOKEN="0" * 64)
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to" in refused.stderr, refused.stderr


def listen_to_ctrl_c() -> None:
    """A shell lets what it starts in the background ignore it, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_runner_is_submitted_as_a_job_and_ends_with_ctrl_c(cluster: RayNodes, store: Store, tmp_path: Path,
                                                             environment: dict[str, str]) -> None:
    log = tmp_path / "log"
    whole = os.environ | environment | {"DATA_DIR": str(tmp_path / "here"), "RAY_ADDRESS": "127.0.0.1:9"}
    with log.open("wb") as output:
        submitted = subprocess.Popen([sys.executable, "-m", "runner", "serve", "--ray", cluster.jobs], env=whole,
                                     stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True,
                                     preexec_fn=listen_to_ctrl_c)
    try:
        until_seldom(lambda: "runner started" in log.read_text() or submitted.poll() is not None)
        assert any(one.connected for one in queries.runners(store)), log.read_text()
        submitted.send_signal(signal.SIGINT)
        assert submitted.wait(300) == 0, log.read_text()
    finally:
        if submitted.poll() is None:
            os.killpg(submitted.pid, signal.SIGKILL)
    assert f"submitted to {cluster.jobs} as job" in log.read_text() and "is stopped" in log.read_text()
    until_seldom(lambda: not any(one.connected for one in queries.runners(store)))


def test_a_job_with_another_token_is_refused(cluster: RayNodes, environment: dict[str, str], tmp_path: Path) -> None:
    refused = called(cluster, environment, tmp_path, "serve", "--ray", cluster.jobs, RAY_AUTH_TOKEN="0" * 64)
    assert refused.returncode == 2 and "refuses this token" in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr


NO_TOKEN = """
import sys, time, ray
ray.init(address="local", include_dashboard=False, num_cpus=0, object_store_memory=80_000_000,
         _temp_dir=sys.argv[1])
print(ray.get_runtime_context().gcs_address, flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("command", ["doctor", "serve"])
def test_a_cluster_that_asks_for_no_token_is_refused(open_cluster: str, cluster: RayNodes, tmp_path: Path,
                                                     environment: dict[str, str], command: str) -> None:
    refused = called(cluster, environment, tmp_path, command, "--ray", "auto", RAY_ADDRESS=open_cluster)
    assert refused.returncode == 2 and "asks for no token" in refused.stderr, refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def open_cluster() -> Iterator[str]:
    """A cluster that executes what anybody sends to it."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    serving = subprocess.Popen([sys.executable, "-c", NO_TOKEN, folder], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, env=environment | {"RAY_AUTH_MODE": "disabled"})
    assert serving.stdout
    address = serving.stdout.readline().strip()
    assert address
    yield address
    serving.terminate()
    serving.wait(300)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_need_that_no_node_has_is_said_at_once_and_waits(cluster: RayNodes, store: Store, environment: dict[str, str],
                                                           tmp_path: Path) -> None:
    run, log = launch(store, 9), tmp_path / "serve.log"
    says = "needs 8 GPUs of one node, and no node has more than 0"
    with ray_runner(cluster, tmp_path / "driver", log, environment, "--gpus", "8"):
        until_seldom(lambda: f"no node of the cluster can take one  why={says}" in log.read_text())
        until_seldom(lambda: run_of(store, run).waits_for == says)
    assert run_of(store, run).work == "queued"


def test_a_cluster_of_this_machine_alone_needs_no_server(tmp_path: Path, items: Path) -> None:
    """`--ray local` with a SQLite store: Ray makes a token, and all of it ends with the runner."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")} | {
        "HOME": str(tmp_path), "DATA_DIR": str(tmp_path / "data"), "RAY_worker_niceness": "0",
        **held_at_an_item(items)}
    (items / "go").touch()
    store = open_store(f"sqlite:///{tmp_path / 'data' / 'events.db'}")
    run = launch(store, 1)
    with (tmp_path / "serve.log").open("wb") as log:
        serving = subprocess.Popen([sys.executable, str(SERVE), "--ray", "local"], env=environment, stdout=log,
                                   stderr=log, start_new_session=True)
    try:
        until_seldom(lambda: run_of(store, run).work == "finished" or serving.poll() is not None)
        assert (tmp_path / ".ray" / "auth_token").read_text().strip()
        serving.terminate()
        assert serving.wait(300) == 0
    finally:
        if serving.poll() is None:
            os.killpg(serving.pid, signal.SIGKILL)
    assert outcome(store, run) == undisturbed(tmp_path / "alone", 1)
    store.close()
