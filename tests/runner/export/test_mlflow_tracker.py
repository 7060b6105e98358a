"""MLflow has of each run what the events say, once, however often and from whatever moment it is exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from runner.cli.main import main
from runner.export import mlflow_tracker
from runner.export.mlflow_tracker import MlflowTracker
from store import queries
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import MetricLogged, RunRequeued
from store.files import sha256_of
from store.paths import Paths
from store.schema import cycles
from tests.dashboard import stores

pytest.importorskip("mlflow")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, str]:
    folder = tmp_path_factory.mktemp("data")
    store = stores.store_at(folder)
    runs = (stores.finished(store, stores.long_ago(5), gains=(0.2,)), stores.failed(store, stores.long_ago(4)),
            stores.queued(store, stores.long_ago(2)))
    store.close()
    return folder, *runs


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: Any) -> str:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("DATA_DIR", str(made[0]))
    return f"file:{tmp_path / 'mlruns'}"


def with_an_adapter(store: Store, folder: Path, run: str) -> bytes:
    """Give the last cycle of a made run the files of an adapter; return the weights."""
    cycle = max(queries.cycles_of(store, run), key=lambda one: one.cycle)
    files = Paths(folder, store.url).run(run) / str(cycle.adapter)
    files.mkdir(parents=True, exist_ok=True)
    (files / "adapter_config.json").write_text("{}")
    (files / "adapter_model.safetensors").write_bytes(b"weights")
    with store.write() as connection:
        connection.execute(update(cycles).where(cycles.c.run == run, cycles.c.cycle == cycle.cycle).values(
            adapter_sha256=sha256_of(b"weights")))
    return b"weights"


def exported(uri: str, run: str) -> Any:
    """MLflow's run of ours; there must be one."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("distill")
    found, = client.search_runs([experiment.experiment_id], f"tags.`distill.run` = '{run}'")
    return client, found


def test_settings_curves_verdict_and_evidence_are_those_of_the_store(uri: str, made: Any, tmp_path: Path) -> None:
    assert main(["export-events", "--to", f"mlflow:{uri}"]) == 0
    store = stores.store_at(made[0])
    run = queries.find_run(store, made[1])
    client, found = exported(uri, made[1])
    assert run and found.info.status == "FINISHED" and found.data.params["questions"] == str(run.config.questions)
    assert found.data.tags["distill.verdict"] == run.verdict
    assert int(found.data.tags["distill.seq"]) == run.last_event_id
    loss = client.get_metric_history(found.info.run_id, "cycle 1/loss")
    assert [(point.step, point.value) for point in sorted(loss, key=lambda point: point.step)] == [
        (point.step, point.value) for point in queries.series(store, run.id, "loss")]
    change = next(row for row in queries.changes_of(store, run.id, 1)
                  if (row.tier, row.metric, row.topic) == (run.config.headline_tier, run.config.headline, ""))
    assert found.data.metrics[f"{change.tier}/{change.metric}/change"] == change.change
    file = client.download_artifacts(found.info.run_id, "evidence.json", str(tmp_path))
    assert json.loads(Path(file).read_text())["run"]["id"] == run.id
    assert exported(uri, made[2])[1].info.status == "FAILED" and exported(uri, made[3])[1].info.status == "RUNNING"
    store.close()


def test_an_adapter_is_registered_once_as_a_version_with_its_verdict(
        uri: str, made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = stores.store_at(made[0])
    adapter = with_an_adapter(store, made[0], made[1])
    command = ["export-events", "--to", f"mlflow:{uri}", "--run", made[1], "--register", "our-student"]
    assert main(command) == 0 and main(command) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("registered")] == [
        "registered as version 1 of our-student"] * 2
    client, found = exported(uri, made[1])
    (version,) = client.search_model_versions("name = 'our-student'")
    run = queries.find_run(store, made[1])
    assert run and (version.run_id, version.description) == (found.info.run_id, run.sentence)
    assert version.tags["distill.verdict"] == run.verdict and version.tags["distill.student"] == run.config.student
    files = client.download_artifacts(version.run_id, "adapter", str(tmp_path))
    assert (Path(files) / "adapter_model.safetensors").read_bytes() == adapter
    store.close()


@pytest.mark.parametrize(("more", "says"), [
    (["--register", "ours"], "--register is about one run in MLflow"),
    (["--register", "our's", "--run", "RUN"], "use letters, digits"),
    (["--register", "ours", "--run", "FAILED"], "no adapter of cycle")])
def test_what_cannot_be_registered_is_said(uri: str, made: Any, more: list[str], says: str,
                                           capsys: pytest.CaptureFixture[str]) -> None:
    named = {"RUN": made[1], "FAILED": made[3]}
    assert main(["export-events", "--to", f"mlflow:{uri}", *(named.get(one, one) for one in more)]) == 2
    assert says in capsys.readouterr().err


def test_the_same_command_again_writes_only_what_is_new(
        uri: str, made: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export-events", "--to", f"mlflow:{uri}", "--run", made[3]]) == 0
    assert main(["export-events", "--to", f"mlflow:{uri}", "--run", made[3]]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("0 events of 0 runs")
    store = stores.store_at(made[0])
    with store.write() as connection:
        points = [MetricLogged("loss", number, number / 2) for number in (1, 2)]
        append_without_claim(connection, made[3], RunRequeued("test"), *points, cycle=1)
    assert main(["export-events", "--to", f"mlflow:{uri}", "--run", made[3]]) == 0
    client, found = exported(uri, made[3])
    history = client.get_metric_history(found.info.run_id, "cycle 1/loss")
    assert sorted((point.step, point.value) for point in history) == [(1, 0.5), (2, 1.0)]
    store.close()


def test_an_export_that_was_killed_continues_where_it_ended(
        uri: str, made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.store_at(made[0])
    monkeypatch.setattr(mlflow_tracker, "AT_ONCE", 20)
    tracker, written = MlflowTracker(uri), []
    write = tracker._write

    def killed(*given: Any) -> None:
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(given)
        write(*given)

    monkeypatch.setattr(tracker, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        tracker.export(store, made[1])
    events = queries.last_event_id(store, made[1])
    assert MlflowTracker(uri).export(store, made[1]) == events - 40
    client, found = exported(uri, made[1])
    loss = client.get_metric_history(found.info.run_id, "cycle 1/loss")
    assert len(loss) == len(queries.series(store, made[1], "loss"))
    store.close()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--to", "wandb:x"), "--to 'wandb:x': use mlflow:URI, trackio:FOLDER or otel:URL"),
    (("--to", "trackio:"), "--to 'trackio:': use mlflow:URI"),
    (("--to", "mlflow:http://127.0.0.1:9", "--since", "soon"), "--since 'soon' is no day"),
    (("--to", "mlflow:http://127.0.0.1:9", "--run", "none"), "no run 'none'"),
    (("--to", "mlflow:http://127.0.0.1:9"), "MLflow at http://127.0.0.1:9: "),
])
def test_what_cannot_be_exported_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...],
                                            sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["export-events", *arguments]) == 2
    assert sentence in capsys.readouterr().err
