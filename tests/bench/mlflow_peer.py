"""MLflow's `log_metric` on SQLite, in an environment of its own, which is made at the first time and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from store.paths import default_paths
from tests.bench.row import Row

PACKAGES = ("mlflow-skinny==3.17.2", "sqlalchemy", "alembic")
_PROGRAM = """
import logging, os, sys, tempfile, time
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
from mlflow.tracking import MlflowClient
logging.disable(logging.WARNING)
with tempfile.TemporaryDirectory() as folder:
    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlflow.db")
    run = client.create_run(client.create_experiment("bench")).info.run_id
    took = []
    for step in range(220):
        began = time.perf_counter()
        client.log_metric(run, "loss", 1.0 / (step + 1), step=step)
        took.append(time.perf_counter() - began)
    print(1 / sorted(took[20:])[100])
"""


def mlflow_rows(ours: Row) -> list[Row]:
    """What MLflow does with the same number, and how ours compares; nothing, said aloud, where it is not to be had."""
    try:
        rate = float(_in_its_own(_environment(Path(default_paths().data) / "bench" / "mlflow")).split()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        print(f"MLflow left out: it could not be installed or run here ({error})", flush=True)
        return []
    name = "MLflow's log_metric on SQLite"
    return [Row(name, rate, "/s"), Row("journal.append of a metric, beside MLflow", ours.measured, "/s",
                                       ours.measured / rate, name, ">= 15 x")]


def _environment(folder: Path) -> Path:
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True, capture_output=True, timeout=600)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True, capture_output=True, timeout=600)
        (folder / "ready").touch()
    return python


def _in_its_own(python: Path) -> str:
    return subprocess.run([python, "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=300).stdout
