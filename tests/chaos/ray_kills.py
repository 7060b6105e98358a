"""`make chaos-ray`: runs on a real Ray cluster whose parts are killed with SIGKILL at random times.

    python -m tests.chaos.ray_kills [--trials N] [--seed S]

Two nodes on this machine with a data folder each, a PostgreSQL server and an artifact store. In each trial a worker,
the actor that hosts it, a raylet, a whole node or the runner dies, once or twice, while a run goes on. The run must end
with the checkpoints, comparisons and verdict that one undisturbed machine comes to, and with a sound store.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))  # `fakes` has one name in all processes

from store.database import Store, integrity_faults, open_store
from store.event_log.journal import head_of, read_events
from tests.runner.same_run import launch, outcome, undisturbed
from tests.runner.service.launcher_contract import workers_of
from tests.runner.service.ray_nodes import RayNodes, ray_nodes, ray_runner
from tests.runner.watching import run_of, until
from tests.store.postgres_server import database, server

KINDS = ("worker", "actor", "raylet", "node", "runner")
EVENTS = 120
"""A run has about so many events before its last stages; a kill comes after a random one of them."""


@dataclass
class Tally:
    """Results of the trials."""

    trials: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    failures: list[str] = field(default_factory=list)


class Runner:
    """`serve --ray auto`, started again when it was killed."""

    def __init__(self, cluster: RayNodes, folder: Path, environment: dict[str, str]) -> None:
        self._started = contextlib.ExitStack()
        self._given = cluster, folder / "driver", folder / "serve.log", environment
        self.start()

    def start(self) -> None:
        self.process = self._started.enter_context(ray_runner(*self._given))

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.start()

    def close(self) -> None:
        self._started.close()


def run(trials: int, seed: int, folder: Path) -> Tally:
    """Execute the trials one after the other on one cluster; a node that was killed is replaced."""
    tally, chance = Tally(), random.Random(seed)
    with server() as url, database(url) as address:
        environment = {"STORE_URL": address, "ARTIFACTS": (folder / "artifacts").as_uri(), "END_WITH_PARENT": "1",
                       "ITEM_SECONDS": "0.1"}
        store = open_store(address)
        with ray_nodes(folder / "nodes", environment) as cluster:
            runner = Runner(cluster, folder, environment)
            try:
                for trial in range(1, trials + 1):
                    kills = _one(store, cluster, runner, trial, chance)
                    tally.trials += 1
                    tally.kills.update(kills)
                    faults = list(_faults(store, f"20261130-000000-{trial:08x}", trial, folder))
                    tally.failures += [f"trial {trial} ({', '.join(kills)}): {fault}" for fault in faults]
                    tally.attempts += run_of(store, f"20261130-000000-{trial:08x}").attempts
                    print(f"trial {trial}: {', '.join(kills)}: {faults or 'equal'}", flush=True)
            finally:
                runner.close()
        store.close()
    return tally


def _one(store: Store, cluster: RayNodes, runner: Runner, trial: int, chance: random.Random) -> list[str]:
    run_id, kills = launch(store, trial), [chance.choice(KINDS) for _ in range(chance.choice((1, 1, 2)))]
    for at, kind in zip(sorted(chance.randrange(5, EVENTS) for _ in kills), kills, strict=True):
        until(lambda: (head_of(store, run_id) >= at and workers_of(run_id))  # noqa: B023
              or not run_of(store, run_id).active)
        if run_of(store, run_id).active:
            _kill(kind, run_id, store, cluster, runner)
    until(lambda: not run_of(store, run_id).active)
    return kills


def _kill(kind: str, run_id: str, store: Store, cluster: RayNodes, runner: Runner) -> None:
    found = workers_of(run_id)
    if kind == "runner":
        runner.kill()
    elif kind in ("raylet", "node"):
        where = run_of(store, run_id).node or ""
        node = next((one for one in cluster.nodes if f"/{one.node_id[:8]}" in where), cluster.nodes[0])
        cluster.kill(node, everything=kind == "node")
        cluster.add()
    for process in found:
        with contextlib.suppress(psutil.Error):
            if kind == "worker":
                process.kill()
            elif kind == "actor":
                process.parent().kill()


def _faults(store: Store, run_id: str, trial: int, folder: Path) -> Iterator[str]:
    run_state = run_of(store, run_id)
    if run_state.work != "finished":
        yield f"the run is {run_state.work}: {run_state.error}"
        return
    if outcome(store, run_id) != undisturbed(folder / f"alone-{trial}", trial):
        yield "another outcome than on one machine"
    if [item.seq for item in read_events(store, run_id)] != list(range(1, head_of(store, run_id) + 1)):
        yield "the sequence has gaps or doubles"
    yield from integrity_faults(store)


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.ray_kills")
    options.add_argument("--trials", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    folder, began = Path(tempfile.mkdtemp(prefix="chaos-ray-")), time.monotonic()
    tally = run(given.trials, given.seed, folder)
    for failure in tally.failures:
        print(f"FAILED {failure}")
    kills = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.kills.items()))
    print(f"chaos-ray: {tally.trials} runs, SIGKILL of {kills}; {tally.attempts} placements in "
          f"{time.monotonic() - began:.0f} s; {len(tally.failures)} failures"
          + (f", left in {folder}" if tally.failures else ""))
    if not tally.failures:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
