"""What a cluster costs and gives: a real one of two nodes on this machine, in the environment of `make ray`.

    python -m tests.bench.ray_speed [--rounds N] [--sweep N]

Models are fakes. Placing is compared with a runner without a cluster that executes the same runs in turn with it, from
the request to the first event of the worker. The runs of the sweep wait at each item, so that two nodes of one machine
can be quicker than one. The lost node is what `make chaos-ray` measures.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))  # `fakes` has one name in all processes

from store import commands
from store.database import Store, open_store
from store.event_log.journal import read_events
from store.events import RunStarted
from tests.bench.row import Row, as_table
from tests.runner.same_run import launch
from tests.runner.service.ray_nodes import SERVE, ray_nodes, ray_runner
from tests.runner.watching import run_of, until_seldom
from tests.store.postgres_server import database, server

ITEM_SECONDS = "1.5"


def measure_ray(rounds: int, sweep: int) -> list[Row]:
    """Seconds of placing a run on a warm cluster, and of a sweep on two nodes against one."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(server())
        on_ray, here = (stack.enter_context(database(url)) for _ in range(2))
        environment = {"STORE_URL": on_ray, "ARTIFACTS": (folder / "artifacts").as_uri(), "END_WITH_PARENT": "1",
                       "ITEM_SECONDS": ITEM_SECONDS}
        cluster = stack.enter_context(ray_nodes(folder / "nodes", environment, count=1))
        with ray_runner(cluster, folder / "driver", folder / "ray.log", environment), \
                _local_runner(folder, environment | {"STORE_URL": here}), \
                contextlib.closing(open_store(on_ray)) as ray_store, \
                contextlib.closing(open_store(here)) as local_store:
            placed = [_seconds_to_begin(store, number) for number in range(rounds + 1)
                      for store in (ray_store, local_store)][2:]  # the first of each is not warm
            one_node = _sweep_seconds(ray_store, sweep, 100)
            cluster.add()
            two_nodes = _sweep_seconds(ray_store, sweep, 200)
    warm, without = (statistics.median(placed[first::2]) for first in (0, 1))
    return [Row("from a run's request to its worker's first event, without a cluster", without, "s"),
            Row("the same on a warm cluster", warm, "s"),
            Row("so placing costs", warm - without, "s", goal="< 5 s"),
            Row(f"a sweep of {sweep} runs that wait, one node", one_node, "s"),
            Row("the same on two nodes", two_nodes, "s", two_nodes / one_node, "one node", "< 0.60 x")]


def _seconds_to_begin(store: Store, number: int) -> float:
    """From the request of a run to its worker's first event; the run is cancelled then."""
    run = launch(store, number)
    asked = time.time()
    until_seldom(lambda: any(isinstance(item.event, RunStarted) for item in read_events(store, run)))
    begun = next(item.at.timestamp() for item in read_events(store, run) if isinstance(item.event, RunStarted))
    commands.change_run_state(store, "cancel", run)
    until_seldom(lambda: not run_of(store, run).active)
    return begun - asked


def _sweep_seconds(store: Store, sweep: int, first: int) -> float:
    began = time.monotonic()
    runs = [launch(store, first + number) for number in range(sweep)]
    until_seldom(lambda: all(run_of(store, run).work == "finished" for run in runs))
    return time.monotonic() - began


@contextlib.contextmanager
def _local_runner(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    whole = os.environ | dict(environment) | {"DATA_DIR": str(folder / "here"), "CUDA_VISIBLE_DEVICES": "elsewhere"}
    with (folder / "here.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, str(SERVE), "--at-once", "1"], env=whole, stdout=log, stderr=log,
                                   start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.bench.ray_speed")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--sweep", type=int, default=8)
    given = options.parse_args()
    print(as_table(measure_ray(given.rounds, given.sweep)))
