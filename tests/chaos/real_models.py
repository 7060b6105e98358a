"""Kill runs with the real embedded student, trainer and judge at random times; results must equal an undisturbed run's.

Training resumes from its last checkpoint and answers after their last batch, with the same weights, texts and scores.
Clock times differ, so values are compared and not files.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--questions", "3", "--held-out", "6", "--steps", "6", "--topics", "pods,services", "--max-new-tokens", "8")
LONGEST_SECONDS = 900.0
# Asked in a process of its own: this one forks trials, and never opens a database.
_OUTCOME = """
import json, sys
from store import queries
from store.database import integrity_faults, open_store
from store.event_log.journal import read_events
store = open_store(sys.argv[1])
(run,) = queries.all_runs(store)
seqs = [item.seq for item in read_events(store, run.id)]
assert seqs == list(range(1, len(seqs) + 1)) and not integrity_faults(store)
finished = [(item.stage, item.cycle) for item in read_events(store, run.id) if item.kind == "StageFinished"]
print(json.dumps({
    "work": run.work, "verdict": run.verdict, "stages": sorted(map(list, finished)),
    "adapters": [cycle.adapter_sha256 for cycle in queries.cycles_of(store, run.id)],
    "answers": sorted([a.question, a.reference, a.baseline, a.tuned, sorted(map(str, a.scores.items()))]
                      for a in queries.answers_of(store, run.id, 1)),
    "changes": [[c.tier, c.metric, c.topic, c.change, c.low, c.high] for c in queries.changes_of(store, run.id)]}))
"""


@dataclass(frozen=True)
class RealTally:
    """Results of the trials."""

    trials: int
    kills: int
    failures: tuple[str, ...]


def run(trials: int, seed: int, folder: Path, tell: Callable[[str], None]) -> RealTally:
    """Execute one undisturbed run, then `trials` runs that are killed once or twice each."""
    chance, failures, kills = random.Random(seed), [], 0
    first, calm = folder / "real-first", folder / "real-calm"
    _go_on(first, "run", *SMALL)
    expected = _outcome(first)
    assert expected["work"] == "finished", expected
    began = time.monotonic()
    _go_on(_beside(first, calm), "run", *SMALL)  # the first one also converts the models, which a trial has no part in
    seconds = time.monotonic() - began
    failures += [f"undisturbed and undisturbed again: {part}" for part in _differing(expected, calm)]
    tell(f"undisturbed with real models: {seconds:.0f} s")
    for number in range(trials):
        place = _beside(first, folder / f"real-{number}")
        kills += _killed_run(place, chance, seconds)
        wrong = _differing(expected, place)
        failures += [f"real trial {number}: {part}" for part in wrong]
        tell(f"real trial {number + 1} of {trials}: {kills} kills so far, {wrong or 'as undisturbed'}")
        if not wrong:
            shutil.rmtree(place)
    return RealTally(trials, kills, tuple(failures))


def _beside(first: Path, place: Path) -> Path:
    """Create a data folder with only the converted models of another."""
    place.mkdir(parents=True)
    shutil.copytree(first / "models", place / "models")
    return place


def _differing(expected: dict[str, Any], place: Path) -> list[str]:
    """Return the results that differ."""
    found = _outcome(place)
    return [f"{part}: {str(found[part])[:300]}" for part in expected if found[part] != expected[part]]


def _killed_run(place: Path, chance: random.Random, seconds: float) -> int:
    """Start the run, kill the runner (with its worker) or only the worker, and resume; return the number of kills."""
    process, kills = _start(place, "run", *SMALL), 0
    for _ in range(chance.randint(1, 2)):
        until = time.monotonic() + chance.uniform(0.1, 0.8) * seconds
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        if process.poll() is not None:
            break
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if workers and chance.random() < 0.5:
            os.kill(int(workers[0]), signal.SIGKILL)  # the runner goes on with another
        else:
            process.kill()
            process.wait()
            process = _start(place, "resume", _run_in(place))
        kills += 1
    process.wait(LONGEST_SECONDS)
    return kills


def _go_on(place: Path, *command: str) -> None:
    code = _start(place, *command).wait(LONGEST_SECONDS)
    assert code == 0, f"ended with {code}: {(place / 'said').read_text()[-2000:]}"


def _start(place: Path, *command: str) -> subprocess.Popen[bytes]:
    place.mkdir(parents=True, exist_ok=True)
    with (place / "said").open("ab") as said:
        return subprocess.Popen([sys.executable, "-m", "runner", *command], cwd=ROOT, stdout=said, stderr=said,
                                env=_environment(place))


def _run_in(place: Path) -> str:
    listed = subprocess.run([sys.executable, "-m", "runner", "status", "--json"], cwd=ROOT, env=_environment(place),
                            capture_output=True, text=True, check=True)
    return str(json.loads(listed.stdout)[0]["run"])


def _environment(place: Path) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": str(place)}


def _outcome(place: Path) -> dict[str, Any]:
    asked = subprocess.run([sys.executable, "-c", _OUTCOME, f"sqlite:///{place / 'events.db'}"], cwd=ROOT,
                           capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr[-2000:]
    found: dict[str, Any] = json.loads(asked.stdout)
    return found
