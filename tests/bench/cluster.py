"""What a cluster would give, by simulation: no GPU was measured here.

The stages of a run and what each reads are the program's own table; their durations are assumed, in minutes on one GPU:
5 for a set of answers, 10 for a training, 3.3 for scoring a set, nothing for what calls endpoints and statistics. Each
doubling of the GPUs of one training or set of answers is assumed to give 1.84 times its speed. A queue of 10,000 runs
takes 40 minutes a run in the median (log-normal, sigma 0.6). Commits are counted from the program's own intervals.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runner.pipeline.pipeline import StageRun, inputs_of, steps
from runner.pipeline.schedule import JUDGE, TEACHER, Schedule
from runner.pipeline.worker import LEASE_CHECK_SECONDS, RENEW_EVERY_CHECKS
from store.control_arms import ARMS
from store.event_log.journal import BUFFER_SECONDS, SERVER_BUFFER_SECONDS
from store.run_config import RunConfig
from tests.bench.row import Row
from tests.plain_runs import plain_run

MINUTES = {"student": 5.0, "trainer": 10.0, "judge": 10 / 3}
DEALT = ("student", "trainer")
"""Performed by several GPUs together."""
EFFICIENCY = 0.92
GPUS, CLUSTERS, RUNS = (1, 2, 4, 8, 16, 64), (64, 256, 1024), 10_000
NO_GPU = ("study",)


@dataclass(frozen=True)
class Work:
    """A stage: its minutes on one GPU, and whether several GPUs can share it."""

    minutes: float
    dealt: bool

    def on(self, gpus: int) -> float:
        """Return the minutes that it takes on so many GPUs."""
        return self.minutes / (gpus * EFFICIENCY ** math.log2(gpus)) if self.dealt else self.minutes


def work_of(step: StageRun) -> Work:
    return Work(0.0 if step.row.stage in NO_GPU else MINUTES.get(step.row.doer, 0.0), step.row.doer in DEALT)


def as_scheduled(config: RunConfig, gpus: int, side_by_side: bool) -> float:
    """Return the minutes of a run as the program executes it, each training and set of answers on all GPUs.

    Args:
        side_by_side: the judge is at an endpoint, and works while the GPUs do; it has left them when it begins, since
            the likelihoods that it computes first take little of its time. Else stages follow each other.
    """
    elsewhere = frozenset({TEACHER, JUDGE}) if side_by_side else frozenset[str]()
    schedule = Schedule(list(steps(config)), config, elsewhere)
    now, judged, running, count = 0.0, 0.0, list[tuple[float, int, StageRun]](), itertools.count()
    while True:
        while step := schedule.begin(True) or schedule.begin(False):
            ends = now + work_of(step).on(gpus)
            if step.row.doer == "judge" and side_by_side:
                schedule.request(step, frozenset({JUDGE}))
                ends = judged = max(now, judged) + work_of(step).minutes
            heapq.heappush(running, (ends, next(count), step))
        if not running:
            return now
        now, _, step = heapq.heappop(running)
        schedule.ended(step)


def on_free_gpus(config: RunConfig, gpus: int, dealt: bool = True) -> float:
    """Return the minutes of a run in which every stage begins that has its inputs, and free GPUs are shared out.

    The judge's stages have a GPU too.

    Args:
        dealt: several GPUs share an answering or a training; else each stage has one.
    """
    table = list(steps(config))
    waits = {(step.row.stage, step.cycle): set(inputs_of(step, config).values()) for step in table}
    work = {(step.row.stage, step.cycle): work_of(step) for step in table}
    now, free, running = 0.0, gpus, list[tuple[float, int, tuple[str, int]]]()
    while waits or running:
        ready = [key for key, inputs in waits.items() if not inputs]
        for key in [key for key in ready if not work[key].minutes]:
            del waits[key]
            heapq.heappush(running, (now, 0, key))
        ready = sorted((key for key in ready if key in waits), key=lambda key: -work[key].minutes)
        for left, key in zip(range(len(ready), 0, -1), ready, strict=True):
            if not free:
                break
            taken = _power_of_two(max(free // left, 1)) if dealt and work[key].dealt else 1
            free -= taken
            del waits[key]
            heapq.heappush(running, (now + work[key].on(taken), taken, key))
        now, taken, ended = heapq.heappop(running)
        free += taken
        for inputs in waits.values():
            inputs.discard(ended)
    return now


def _power_of_two(count: int) -> int:
    return 1 << (count.bit_length() - 1)


def queue_hours(minutes: Sequence[float], gpus: int) -> float:
    """Return how long runs of one GPU each take that are started in this order."""
    free_at = [0.0] * gpus
    for took in minutes:
        heapq.heapreplace(free_at, free_at[0] + took)
    return max(free_at) / 60


def commits_a_second(runs: int, buffer_seconds: float) -> float:
    """Return the commits of runs that all emit metrics: their buffers, and the leases that they renew."""
    return runs * (1 / buffer_seconds + 1 / (LEASE_CHECK_SECONDS * RENEW_EVERY_CHECKS))


def measure_cluster() -> list[Row]:
    """Speed of one run on several GPUs, then of a queue on many, then the commits of a thousand runs."""
    config = plain_run(cycles=3, arms=ARMS, teacher="gpt-4o-mini", judge="gpt-4o-mini")
    alone = as_scheduled(config, 1, side_by_side=False)
    ways: dict[str, Callable[[int], float]] = {
        "one stage after the other, each on all": lambda gpus: as_scheduled(config, gpus, side_by_side=False),
        "beside the judge, each on all": lambda gpus: as_scheduled(config, gpus, side_by_side=True),
        "all stages that can, each on one": lambda gpus: on_free_gpus(config, gpus, dealt=False),
        "all stages that can, on all that are free": lambda gpus: on_free_gpus(config, gpus)}
    rows = [Row(f"one run, 3 cycles, all control arms, {len(list(steps(config)))} stages, 1 GPU", alone, "min")]
    for way, minutes in ways.items():
        rows += [Row(f"{gpus} GPUs, {way}", took := minutes(gpus), "min", alone / took, "1 GPU") for gpus in GPUS]
    chance = random.Random(1)
    queue = [40 * chance.lognormvariate(0, 0.6) for _ in range(RUNS)]
    for gpus in CLUSTERS:
        by_age, best = queue_hours(queue, gpus), sum(queue) / 60 / gpus
        longest_first = queue_hours(sorted(queue, reverse=True), gpus)
        rows.append(Row(f"{RUNS:,} runs, {gpus:,} GPUs, by age", by_age, "h", best / by_age, "GPUs never idle"))
        rows.append(Row(f"{RUNS:,} runs, {gpus:,} GPUs, longest first", longest_first, "h", best / longest_first,
                        "GPUs never idle", ">= 0.95 x"))
    rows.append(Row("commits of 1,024 runs in a file's intervals", commits_a_second(1024, BUFFER_SECONDS), "/s"))
    rows.append(Row("commits of 1,024 runs in a server's intervals", commits_a_second(1024, SERVER_BUFFER_SECONDS),
                    "/s", goal="< 1000 /s"))
    return rows
