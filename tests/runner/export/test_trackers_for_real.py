"""Runs in a real MLflow server and a real Trackio folder, read back by their own libraries: `make trackers`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store import queries
from tests.dashboard import stores
from tests.runner.export.test_mlflow_tracker import with_an_adapter

pytestmark = [pytest.mark.engines, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENTS = Path(os.environ.get("ENGINES_DIR", ".engines"))
if not ENVIRONMENTS.is_absolute():
    ENVIRONMENTS = ROOT / ENVIRONMENTS
READ_TRACKIO = """
import json, sys
from trackio.sqlite_storage import SQLiteStorage
project, run = sys.argv[1:]
print(json.dumps({"logs": SQLiteStorage.get_logs(project, run, run_id=run), "alerts": SQLiteStorage.get_alerts(project),
                  "config": SQLiteStorage.get_run_config(project, run, run_id=run)}, default=str))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("data")
    store = stores.store_at(folder)
    finished = stores.finished(store, stores.long_ago(5), gains=(0.2,))
    failed = stores.failed(store, stores.long_ago(4))
    store.close()
    return folder, finished, failed


def exported(python: Path | str, data: Path, to: str, *more: str) -> str:
    done = subprocess.run([str(python), "-m", "runner", "export-events", "--to", to, *more], cwd=ROOT,
                          capture_output=True, text=True,
                          env=os.environ | {"DATA_DIR": str(data), "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_trackio_shows_curves_settings_and_verdict_and_an_export_again_adds_nothing(
        made: tuple[Path, str, str], tmp_path: Path) -> None:
    python = ENVIRONMENTS / "trackio/bin/python"
    if not python.is_file():
        pytest.skip("make trackers sets its environment up")
    data, finished, _ = made
    to = f"trackio:{tmp_path / 'trackio'}"
    assert "of 2 runs written" in exported(python, data, to)

    def read(run: str) -> Any:
        done = subprocess.run([str(python), "-c", READ_TRACKIO, "distill", run], capture_output=True, text=True,
                              check=True, env=os.environ | {"TRACKIO_DIR": str(tmp_path / "trackio")})
        return json.loads(done.stdout.splitlines()[-1])

    first = read(finished)
    store = stores.store_at(data)
    run = queries.find_run(store, finished)
    assert run is not None
    loss = [(row["step"], row["cycle 1/loss"]) for row in first["logs"] if "cycle 1/loss" in row]
    assert sorted(loss) == sorted((point.step, point.value) for point in queries.series(store, finished, "loss"))
    change = next(row for row in queries.changes_of(store, finished, 1)
                  if (row.tier, row.metric, row.topic) == (run.config.headline_tier, run.config.headline, ""))
    name = f"{change.tier}/{change.metric}/change"
    assert [row[name] for row in first["logs"] if name in row] == [change.change]
    assert first["config"]["questions"] == str(run.config.questions)
    assert {alert["title"] for alert in first["alerts"]} == {run.verdict, "failed"}
    assert exported(python, data, to).startswith("0 events of 0 runs")
    assert read(finished) == first
    store.close()


@pytest.fixture
def mlflow(tmp_path: Path) -> Iterator[str]:
    """A real server; its database and files are in a folder of its own."""
    program = ENVIRONMENTS / "mlflow/bin/mlflow"
    if not program.is_file():
        pytest.skip("make trackers sets its environment up")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    server = subprocess.Popen(
        [str(program), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", f"sqlite:///{tmp_path / 'mlflow.db'}",
         "--artifacts-destination", str(tmp_path / "files")],
        cwd=tmp_path, env=environment | {"MLFLOW_DISABLE_TELEMETRY": "true"}, start_new_session=True)
    try:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        until = time.monotonic() + 300
        while True:
            try:
                with direct.open(f"{uri}/health", timeout=5):
                    break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < until and server.poll() is None
                time.sleep(0.5)
        yield uri
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # its folder is the test's own
        server.wait()


def test_a_real_mlflow_server_shows_the_curve_the_verdict_and_the_evidence(
        made: tuple[Path, str, str], mlflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    data, finished, failed = made
    assert "of 2 runs written" in exported(sys.executable, data, f"mlflow:{mlflow}")
    assert exported(sys.executable, data, f"mlflow:{mlflow}").startswith("0 events of 0 runs")
    store, client = stores.store_at(data), MlflowClient(mlflow)
    experiment = client.get_experiment_by_name("distill")
    assert experiment is not None
    there = {run.data.tags["distill.run"]: run for run in client.search_runs([experiment.experiment_id])}
    assert set(there) == {finished, failed}
    run = queries.find_run(store, finished)
    assert run is not None and there[finished].data.tags["distill.verdict"] == run.verdict
    assert (there[finished].info.status, there[failed].info.status) == ("FINISHED", "FAILED")
    loss = client.get_metric_history(there[finished].info.run_id, "cycle 1/loss")
    assert sorted((point.step, point.value) for point in loss) == sorted(
        (point.step, point.value) for point in queries.series(store, finished, "loss"))
    evidence = client.download_artifacts(there[finished].info.run_id, "evidence.json", str(tmp_path))
    assert json.loads(Path(evidence).read_text())["run"]["id"] == finished
    weights = with_an_adapter(store, data, finished)
    for _ in range(2):
        said = exported(sys.executable, data, f"mlflow:{mlflow}", "--run", finished, "--register", "our-student")
        assert said == "registered as version 1 of our-student"
    version = client.get_model_version("our-student", "1")
    assert (version.run_id, version.tags["distill.verdict"]) == (there[finished].info.run_id, run.verdict)
    files = client.download_artifacts(version.run_id, "adapter", str(tmp_path))
    assert (Path(files) / "adapter_model.safetensors").read_bytes() == weights
    store.close()
