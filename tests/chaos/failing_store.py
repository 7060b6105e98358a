"""Runs on a store that fails before writes, after commits, slowly, or by disconnection; each run ends exactly once.

`Failing` wraps the real store of a run's worker. Retry deadlines are short, so that workers give up in the middle and
others continue.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from runner.pipeline import worker
from store import commands
from store.database import Store, integrity_faults, open_store
from store.event_log import journal, leases
from store.event_log.journal import read_events
from store.events import RunFailed, RunFinished, StageFinished
from store.paths import Paths
from tests.chaos.power_cuts import stale
from tests.runner import fakes
from tests.plain_runs import plain_run

MOST_WORKERS = 60
_PATIENCE = (0.0, 0.06)
KINDS = ("before the write", "after the commit", "slowly", "by disconnection")


class Gone(Exception):
    """The error of a database driver when the server is gone."""


@dataclass
class Tally:
    """Results of the trials."""

    trials: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    """How often a worker took a run up; more than trials where one gave up and another went on."""
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Failing(Store):
    """A store that fails at random, and sometimes for a while."""

    def __init__(self, real: Store, chance: random.Random, rate: float, faults: Counter[str]) -> None:
        self.real = real
        self.url = real.url
        self._chance = chance
        self._rate = rate
        self._faults = faults

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        kind = self._fate()
        if kind == "before the write":
            raise _gone("the disk said no")
        if kind == "slowly":
            time.sleep(0.02)
        with self.real.write() as connection:
            yield connection
            if kind == "by disconnection":  # in the middle: nothing of it may stay
                raise _gone("server closed the connection unexpectedly")
        if kind == "after the commit":  # it is in the store, and nobody was told
            raise _gone("connection reset while waiting for the answer")

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        if self._fate() in ("before the write", "by disconnection"):
            raise _gone("server closed the connection unexpectedly")
        with self.real.read() as connection:
            yield connection

    @property
    def is_sqlite(self) -> bool:
        return self.real.is_sqlite

    def close(self) -> None:
        """Keep the real store open for the next worker."""

    def _fate(self) -> str | None:
        if self._chance.random() >= self._rate:
            return None
        kind = self._chance.choice(KINDS)
        self._faults[kind] += 1
        return kind


def run(trials: int, seed: int, folder: Path, rate: float = 0.25) -> Tally:
    """Execute `trials` runs on stores that fail at this rate, each by one worker after the other."""
    began, tally, chance = time.monotonic(), Tally(), random.Random(seed)
    for trial in range(trials):
        paths = Paths(folder / str(trial), f"sqlite:///{folder / str(trial) / 'events.db'}")
        store = open_store(paths.store_url)
        run_id = commands.launch_run(store,
                                     plain_run(topics=("pods", "services", "jobs"), questions=6, held_out=6,
                                            steps=3), "chaos")
        failing = Failing(store, random.Random(f"{seed} {trial}"), rate, tally.faults)
        with patch.object(journal, "RETRY_DEADLINE_SECONDS", chance.choice(_PATIENCE)):
            tally.attempts += _see_through(store, failing, paths)
        tally.trials += 1
        tally.failures += [f"trial {trial}: {fault}" for fault in _faults(store, run_id)]
        store.close()
    tally.seconds = time.monotonic() - began
    return tally


def _see_through(store: Store, failing: Failing, paths: Paths) -> int:
    """Start workers as a runner would until the run has ended; return their number."""
    for attempt in range(1, MOST_WORKERS + 1):
        claim = leases.claim_next(store, leases.owner_name())
        if claim is None:
            return attempt - 1
        with patch.object(worker, "open_store", lambda url: failing), contextlib.suppress(SQLAlchemyError):
            worker.execute_claimed_run(claim, paths, fakes.fake_resources)
        leases.release_dead_claims(store, lambda owner: True)  # a worker that crashed holds nothing any more
    return MOST_WORKERS


def _faults(store: Store, run_id: str) -> list[str]:
    """Return what is wrong with the ended run; empty if nothing."""
    told = read_events(store, run_id)
    ends = [item.kind for item in told if isinstance(item.event, RunFinished | RunFailed)]
    stages = Counter((item.cycle, item.stage) for item in told if isinstance(item.event, StageFinished))
    wrong = [f"stage {stage} finished {count} times" for stage, count in stages.items() if count != 1]
    if len(ends) != 1:
        wrong.append(f"the run ended {len(ends)} times: {ends}")
    if [item.seq for item in told] != list(range(1, len(told) + 1)):
        wrong.append("the sequence has gaps or doubles")
    doubles = [pair for pair in itertools.pairwise((item.kind, item.at, item.event) for item in told)
               if pair[0] == pair[1]]
    return wrong + [f"told twice: {one[0]}" for one, _ in doubles] + integrity_faults(store) + stale(store)


def _gone(message: str) -> OperationalError:
    return OperationalError(None, None, Gone(message))
