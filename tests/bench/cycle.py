"""What a whole run spends on what it is for, from its own record: `make demo`'s with a second cycle, in a worker.

From the request to the end, and its last cycle alone: libraries are imported once a run, students loaded every cycle.
Work is what the student's, the trainer's and the judge's stages took, what they spent on loading models, libraries and
packed weights taken off. Everything else is the teacher's stages, statistics, checkpoints, the store, and the worker's
start. The student is unpacked already; the data folder is a new one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from runner.cli.demo import DEMONSTRATION
from store.database import open_for_reading
from store.event_log.journal import read_events
from store.events import (
    CycleFinished, CycleStarted, Event, Recorded, RunFinished, RunRequested, StageFinished, StageStarted,
)
from store.paths import default_paths
from store.queries.memory import memory_by_stage
from tests.bench.row import Row

CYCLES = 2
WORK = {"student": "answers", "trainer": "training", "judge": "judging"}


def measure_cycle() -> list[Row]:
    """One run."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        models = default_paths().models
        models.mkdir(parents=True, exist_ok=True)
        (data / "models").symlink_to(models)
        settings = DEMONSTRATION | {"cycles": CYCLES}
        options = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        environment = {key: value for key, value in os.environ.items() if key != "STORE_URL"} | {"DATA_DIR": folder}
        _make_ready(environment)
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", "runner", "run", "--json", *options], env=environment,
                              capture_output=True, text=True, check=True)
        whole_command = time.perf_counter() - began
        run = str(json.loads(done.stdout.splitlines()[-1])["run"])
        store = open_for_reading(f"sqlite:///{data / 'events.db'}")
        rows = rows_of(list(read_events(store, run)))
        peak = max(stage.peak_bytes or 0.0 for stage in memory_by_stage(store, run))
        store.close()
    return [Row("the whole command", whole_command, "s"), *rows,
            Row("highest memory (RSS) of the worker", peak / 1e9, "GB", goal="< 2.5 GB")]


def _make_ready(environment: dict[str, str]) -> None:
    """The student unpacked, its files in the system's cache."""
    from tests.bench.load import READY

    subprocess.run([sys.executable, "-c", READY], env=environment, check=True, stderr=subprocess.DEVNULL)


def rows_of(history: Sequence[Recorded]) -> list[Row]:
    """A finished run's times by what they were for: all of it, then its last cycle."""
    last = max(item.cycle or 0 for item in history)
    cycle = [item for item in history if item.cycle == last]
    return [*_rows("the run, from its request to its end", _between(history, RunRequested, RunFinished), history),
            *_rows(f"cycle {last} alone", _between(cycle, CycleStarted, CycleFinished), cycle)]


def _between(history: Sequence[Recorded], first: type[Event], last: type[Event]) -> float:
    """Seconds from one event to another."""
    began, ended = (next(item.at for item in history if isinstance(item.event, kind)) for kind in (first, last))
    return (ended - began).total_seconds()


def _rows(what: str, whole: float, history: Sequence[Recorded]) -> list[Row]:
    doers = {(item.cycle, item.stage): item.event.doer for item in history if isinstance(item.event, StageStarted)}
    spent, loading = dict.fromkeys(WORK.values(), 0.0), 0.0
    for item in history:
        if isinstance(item.event, StageFinished):
            loading += item.event.loading_seconds
            if (kind := WORK.get(doers[item.cycle, item.stage])) is not None:
                spent[kind] += item.event.seconds - item.event.loading_seconds
    outside = whole - sum(spent.values())

    def share(seconds: float) -> float:
        return 100 * seconds / whole

    return [
        Row(what, whole, "s"),
        *(Row(f"of it {kind}", seconds, "s") for kind, seconds in spent.items()),
        Row("of it loading models and their libraries", share(loading), "%"),
        Row("of it everything else", share(outside - loading), "%", goal="< 3 %"),
        Row("of it everything else, loading included", share(outside), "%", goal="< 3 %"),
    ]
