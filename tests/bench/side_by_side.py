"""What a run gains from stages that run at the same time: the same run with them one after the other, in turns.

The embedded student on this machine, two cycles with the teacher's closed-book answers; teacher and judge (RAGAS's
faithfulness) are a server on this machine that answers after half a second, as a model elsewhere would. A run that is
not counted comes first: it unpacks the student.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from runner.pipeline.schedule import VARIABLE
from store import queries
from store.database import open_for_reading
from store.paths import default_paths
from tests.bench.row import Row
from tests.runner import fake_judges
from tests.runner.fake_openai import FakeOpenAI

ROUNDS = 2
REPLY_SECONDS = 0.5
SETTINGS = ("--topics", "pods,services,jobs", "--questions", "6", "--held-out", "6", "--cycles", "2", "--steps", "24",
            "--study", "off", "--max-new-tokens", "48", "--judge-metrics", "faithfulness", "--teacher-ceiling")


def measure_side_by_side() -> list[Row]:
    """Seconds from a run's start to its end, in the median of the rounds, and whether all gave the same."""
    with tempfile.TemporaryDirectory() as folder, FakeOpenAI(seconds=REPLY_SECONDS) as teacher, \
            FakeOpenAI(words=fake_judges.competent, seconds=REPLY_SECONDS) as judge:
        models = default_paths().models
        models.mkdir(parents=True, exist_ok=True)
        (Path(folder) / "models").symlink_to(models)
        endpoints = ("--teacher", "gpt-4o-mini", "--teacher-base-url", teacher.url, "--judge", "gpt-4o-mini",
                     "--judge-base-url", judge.url)
        _run(folder, endpoints, "0", 0)
        rounds = [[_run(folder, endpoints, wanted, number) for wanted in ("0", "1")] for number in range(1, ROUNDS + 1)]
    in_turn, beside = ([one[at][0] for one in rounds] for at in (0, 1))
    same = all(one[0][1] == one[1][1] for one in rounds)
    return [Row("stages one after the other", statistics.median(in_turn), "s"),
            Row("stages at the same time" + ("" if same else ", with OTHER RESULTS"), statistics.median(beside), "s",
                statistics.median(one[1][0] / one[0][0] for one in rounds), "one after the other")]


def _run(folder: str, endpoints: tuple[str, ...], wanted: str, number: int) -> tuple[float, Any]:
    """A run's seconds and what it found; each round has a seed of its own, since replies are kept for ever."""
    data = Path(folder) / f"{number}-{wanted}"
    data.mkdir()
    (data / "models").symlink_to(Path(folder) / "models")
    environment = {key: value for key, value in os.environ.items() if key not in ("STORE_URL", "ARTIFACTS")} | {
        "DATA_DIR": str(data), VARIABLE: wanted, "OPENAI_API_KEY": "key-of-benchmarks"}
    command = [sys.executable, "-m", "runner", "run", "--json", "--seed", str(number), *SETTINGS, *endpoints]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    store = open_for_reading(f"sqlite:///{data / 'events.db'}")
    found = queries.find_run(store, json.loads(done.stdout.splitlines()[-1])["run"])
    assert found and found.started_at and found.ended_at
    answers = [[(one.question, one.reference, one.baseline, one.tuned, sorted(map(repr, one.scores.items())))
                for one in queries.answers_of(store, found.id, cycle)] for cycle in (1, 2)]
    store.close()
    return (found.ended_at - found.started_at).total_seconds(), (found.sentence, answers)
