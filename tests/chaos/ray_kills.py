"""`make chaos-ray`: runs on a real Ray cluster whose parts die, hang or fail at random times.

    python -m tests.chaos.ray_kills [--trials N] [--seed S] [--only WORDS]

Two nodes on this machine with a data folder each, two runners that count as two hosts, a PostgreSQL server, a fake S3
and a chat teacher's fake server. In each trial one or two of the faults of `ray_faults.py` happen while a run goes on.
It must end with the checkpoints, history, losses, verdict and bill that one undisturbed machine comes to.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))  # `fakes` has one name in all processes

from runner.llm.retry import RetryPolicy
from runner.pipeline.schedule import VARIABLE
from store.database import open_store
from store.event_log.journal import head_of, read_events
from store.events import RecoveryTaken, RunRequeued, RunStarted
from store.paths import Paths
from tests.chaos.ray_faults import KINDS, Runner, Site
from tests.chaos.ray_outcome import facts, fake_models, faults, paid_in_vain
from tests.runner.artifact_store.failing_s3 import failing_s3
from tests.runner.artifact_store.fake_s3 import CREDENTIALS, fake_s3
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.same_run import executed_alone, launch
from tests.runner.service.launcher_contract import workers_of
from tests.runner.service.ray_nodes import ray_nodes
from tests.runner.watching import run_of, until_seldom
from tests.store.postgres_server import database, own_server

ITEM_SECONDS = 0.1
"""How long each item lasts, so that a run is long enough to be disturbed."""
BUCKET = "artifacts"


@dataclass
class Tally:
    """Results of the trials."""

    trials: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    paid_twice: int = 0
    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Kind -> after how many seconds the run was queued again, and begun."""
    failures: list[str] = field(default_factory=list)


@dataclass
class Campaign:
    """Trials one after the other at one site, where what died is replaced."""

    site: Site
    paths: Paths
    """Of all hosts but for the data folder."""
    teacher: FakeOpenAI
    folder: Path
    kinds: Sequence[str]
    chance: random.Random
    side_by_side: bool = False
    """Whether stages run at the same time; in the run that is executed alone they follow each other."""
    tally: Tally = field(default_factory=Tally)
    _deck: list[str] = field(default_factory=list)

    def run(self, trials: int) -> None:
        for trial in range(1, trials + 1):
            began, kinds = time.monotonic(), [self._draw() for _ in range(self.chance.choice((1, 1, 1, 2)))]
            self.site.cluster.replace_lost()
            wrong = self._trial(trial, kinds)
            self.tally.trials += 1
            self.tally.faults.update(kinds)
            self.tally.failures += [f"trial {trial} ({', '.join(kinds)}): {fault}" for fault in wrong]
            took = time.monotonic() - began
            print(f"trial {trial}, {took:.0f} s: {', '.join(kinds)}: {wrong or 'equal'}", flush=True)

    def _draw(self) -> str:
        """The next kind: each comes once before any comes again."""
        if not self._deck:
            self._deck = self.chance.sample(self.kinds, len(self.kinds))
        return self._deck.pop()

    def _trial(self, trial: int, kinds: Sequence[str]) -> list[str]:
        """Execute a run alone, then on the cluster with faults; return what is different."""
        settings: dict[str, Any] = {
            "teacher": self.teacher.models[0], "cycles": 1,
            "teacher_base_url": f"{self.teacher.url.removesuffix('/v1')}/trial-{trial}/v1"}
        with self._asked() as alone, \
                executed_alone(self.folder / f"alone-{trial}", trial, fake_models, **settings) as (store, run):
            expected, events = facts(store, run, self.side_by_side), head_of(store, run)
        store, run = self.site.store, launch(self.site.store, trial, **settings)
        with self._asked() as disturbed:
            for at, kind in zip(sorted(self.chance.randrange(3, events * 9 // 10) for _ in kinds), kinds, strict=True):
                until_seldom(partial(self._reached, run, at))
                if run_of(store, run).active:
                    happened = datetime.now(UTC)
                    KINDS[kind](self.site, run)
                    until_seldom(partial(self._goes_on_since, run, happened, kind))
            until_seldom(lambda: not run_of(store, run).active)
        attempts = run_of(store, run).attempts
        self.tally.attempts += attempts
        self.tally.paid_twice += len(disturbed) - len(alone)
        in_flight = RetryPolicy().concurrency * max(attempts - 1, len(kinds))
        return [*faults(store, run, expected, self.paths, self.side_by_side),
                *paid_in_vain(disturbed, alone, in_flight)]

    def _reached(self, run: str, events: int) -> bool:
        store = self.site.store
        return bool(head_of(store, run) >= events and workers_of(run)) or not run_of(store, run).active

    def _goes_on_since(self, run: str, happened: datetime, kind: str) -> bool:
        """Whether the run was begun again since then or has ended; notes how long it took to queue and to begin."""
        told = [item for item in read_events(self.site.store, run) if item.at >= happened]
        queued = next((item.at for item in told if isinstance(item.event, RecoveryTaken | RunRequeued)), None)
        begun = next((item.at for item in told if isinstance(item.event, RunStarted)), None)
        if queued and begun and queued <= begun:
            self.tally.seconds.setdefault(kind, []).append(
                ((queued - happened).total_seconds(), (begun - happened).total_seconds()))
        return begun is not None or not run_of(self.site.store, run).active or not kind.startswith("SIGKILL")

    @contextlib.contextmanager
    def _asked(self) -> Iterator[list[str]]:
        """What the teacher is asked meanwhile."""
        before, asked = len(self.teacher.requests), list[str]()
        yield asked
        asked += [json.dumps({key: value for key, value in body.items() if key != "_headers"}, sort_keys=True)
                  for body in self.teacher.requests[before:]]


def run(trials: int, seed: int, folder: Path, kinds: Sequence[str], side_by_side: bool) -> Tally:
    """Build the site, and execute the trials on it.

    Args:
        seed: of what is drawn: kinds, and when they happen.
        folder: where hosts and runs have their data.
        kinds: of `KINDS`.
        side_by_side: whether stages of the runs on the cluster run at the same time.
    """
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(own_server())
        address = stack.enter_context(database(postgres.url))
        bucket = stack.enter_context(failing_s3(stack.enter_context(fake_s3(BUCKET))))
        teacher = stack.enter_context(FakeOpenAI(seconds=0.05))
        endpoint = f"http://127.0.0.1:{bucket.server_address[1]}"
        environment = CREDENTIALS | {
            "STORE_URL": address, "ARTIFACTS": f"s3://{BUCKET}/runs?endpoint_override={endpoint}",
            "OPENAI_API_KEY": "key-of-tests", "END_WITH_PARENT": "1", "ITEM_SECONDS": str(ITEM_SECONDS),
            VARIABLE: "1" if side_by_side else "0"}
        os.environ.update(CREDENTIALS, OPENAI_API_KEY="key-of-tests")
        store = stack.enter_context(contextlib.closing(open_store(address)))
        cluster = stack.enter_context(ray_nodes(folder / "nodes", environment))
        runners = [stack.enter_context(contextlib.closing(Runner(cluster, folder, name, environment)))
                   for name in ("host-a", "host-b")]
        campaign = Campaign(Site(store, cluster, runners, postgres, bucket),
                            Paths(folder, address, environment["ARTIFACTS"]), teacher, folder, kinds,
                            random.Random(seed), side_by_side)
        campaign.run(trials)
        return campaign.tally


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.ray_kills")
    options.add_argument("--trials", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="kinds of faults that contain these words")
    options.add_argument("--side-by-side", action="store_true", help="stages run at the same time where they can")
    given = options.parse_args()
    folder, began = Path(tempfile.mkdtemp(prefix="chaos-ray-")), time.monotonic()
    tally = run(given.trials, given.seed, folder, [kind for kind in KINDS if given.only in kind],
                given.side_by_side)
    for failure in tally.failures:
        print(f"FAILED {failure}")
    for kind, seconds in sorted(tally.seconds.items()):
        queued, begun = (statistics.median(column) for column in zip(*seconds, strict=True))
        print(f"{kind}: queued again after {queued:.1f} s, begun again after {begun:.1f} s (medians of {len(seconds)})")
    happened = ", ".join(f"{count} {kind}" for kind, count in sorted(tally.faults.items()))
    print(f"chaos-ray: {tally.trials} runs, {tally.faults.total()} faults ({happened}); {tally.attempts} attempts and "
          f"{tally.paid_twice} calls paid twice in {time.monotonic() - began:.0f} s; {len(tally.failures)} failures"
          + (f", left in {folder}" if tally.failures else ""))
    if not tally.failures:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
