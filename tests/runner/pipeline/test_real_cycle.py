"""The main job as documented, with the real embedded student, the real trainer and the real judge, made small."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from store import queries
from store.database import open_for_reading
from store.metrics import HEADLINE_TEST_METRICS, JUDGE_METRICS, METRICS

ROOT = Path(__file__).resolve().parents[3]
SMALL = ("--questions", "2", "--held-out", "6", "--steps", "2", "--topics", "pods,services", "--max-new-tokens", "8")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def said(data: Path) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": str(data)}
    done = subprocess.run([sys.executable, "-m", "runner", "run", *SMALL, "--json"], cwd=ROOT, env=environment,
                          capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stderr
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return last


def test_a_real_cycle_ends_with_every_score_of_both_tiers(said: dict[str, Any]) -> None:
    assert said["work"] == "finished"
    (cycle,) = said["cycles"]
    assert cycle["work"] == "finished" and cycle["training_seconds"] > 0 and cycle["adapter"]
    rows = {(row["tier"], row["metric"]): row for row in cycle["scores"]}
    assert set(rows) == {(tier, metric) for tier in ("held-out", "practice", "paraphrase")
                         for metric in set(METRICS) - set(JUDGE_METRICS)
                         if tier == "paraphrase" or metric not in HEADLINE_TEST_METRICS}
    surprise = rows["held-out", "reference_nll"]
    assert surprise["scored"] == surprise["asked"] == 6 and surprise["interval"][0] <= surprise["change"]
    assert 0 < surprise["baseline"] < 10 and surprise["tuned"] != surprise["baseline"]
    assert rows["practice", "reference_nll"]["verdict"] == "too few to say"


def test_the_record_says_how_the_student_was_held_and_what_was_adapted(said: dict[str, Any], data: Path) -> None:
    store = open_for_reading(f"sqlite:///{data / 'events.db'}")
    run = queries.find_run(store, said["run"])
    assert run and run.plan and run.plan["reason"] and run.plan["parameters"] == 134_515_008
    (cycle,) = queries.cycles_of(store, run.id)
    assert cycle.training and "q_proj x 30" in cycle.training["matched_modules"]
    assert cycle.training["unmatched_targets"] == []
    assert [point.step for point in queries.series(store, run.id, "loss")] == [1, 2]
    assert (data / "runs" / run.id / str(cycle.adapter) / "adapter_model.safetensors").exists()


def test_every_stage_left_a_checkpoint_under_its_recorded_hash(said: dict[str, Any], data: Path) -> None:
    store = open_for_reading(f"sqlite:///{data / 'events.db'}")
    stages = queries.stages_of(store, said["run"])
    assert len(stages) == 15
    for stage in stages:
        content = (data / "runs" / said["run"] / str(stage.path)).read_bytes()
        assert hashlib.sha256(content).hexdigest() == stage.sha256
