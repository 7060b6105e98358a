"""Kill -9 workers and pollers of runs in batches at every step between a request and its stored reply.

    python -m tests.chaos.batch_kills [--kills N] [--seed S]

A server of our own, in a process that is never killed, counts what is paid. After each run no line may have been paid
twice, every paid line must be stored, and the bill in the store must be that of the paid lines. Some batches expire
half done, and some runs are cancelled and resumed meanwhile.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from runner.llm import batch_endpoint
from runner.pipeline import batch_sender, worker
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import build_resources, execute_claimed_run
from runner.service import batch_poller
from store import commands, queries
from store.costs import batch_results
from store.costs.llm_calls import cost_of, run_usage
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import BatchEnded, BatchPlanned, BatchSent, RunWaitingForBatch
from store.schema import teacher_calls
from tests.chaos.children import asked, has_ended, send, wait
from tests.chaos.forked_processes import forked, places_in
from tests.plain_runs import plain_run
from tests.runner import fakes
from tests.runner.fake_batches import FakeBatches, Plan

MAX_TURNS = 150
FINISHED, FAILED = 10, 11
"""Exit codes of a turn after which the run has ended."""
_RECORDED = (BatchPlanned, BatchSent, RunWaitingForBatch)


@dataclass
class Tally:
    """Results of a campaign."""

    runs: int = 0
    kills: int = 0
    at: Counter[str] = field(default_factory=Counter)
    """How often a process died at each step; `any time` where it was killed from outside."""
    batches: int = 0
    paid: int = 0
    failures: list[str] = field(default_factory=list)


def run(kills: int, seed: int, tell: Callable[[str], None] = lambda _: None) -> Tally:
    """Carry runs out until so many processes were killed."""
    tally, chance = Tally(), random.Random(seed)
    memory = Path("/dev/shm")
    while tally.kills < kills and not tally.failures:
        folder = Path(tempfile.mkdtemp(prefix="batches-", dir=memory if memory.is_dir() else None))
        _trial(folder, chance, tally, kills)
        if not tally.failures:
            shutil.rmtree(folder)
        tell(f"run {tally.runs}: {tally.kills} kills, {tally.batches} batches, {tally.paid} paid lines")
    return tally


def _trial(folder: Path, chance: random.Random, tally: Tally, most: int) -> None:
    (folder / "data").mkdir()
    server = FakeBatches()
    server.plans += [Plan("expired", lines=1) if chance.random() < 0.2 else
                     Plan(lookups=chance.choice((1, 2)), unlisted=chance.choice((0, 0, 1))) for _ in range(50)]
    serving = forked(lambda: server.serve() or 0)
    try:
        run_id = asked(lambda: _launch(folder, server.url), folder)
        code, turns = 0, 0
        while code not in (FINISHED, FAILED) and turns < MAX_TURNS:
            turns += 1
            code = _turn_with_a_kill(folder, run_id, chance, tally, kill=tally.kills < most and chance.random() < 0.7)
            if chance.random() < 0.05:
                wait(forked(lambda: _cancel_and_resume(folder, run_id)))
        with urllib.request.urlopen(f"{server.url}/counts") as answer:
            counts = json.load(answer)
        tally.runs += 1
        tally.batches += counts["batches"]
        tally.paid += sum(counts["paid"].values())
        tally.failures += asked(lambda: _faults(folder, run_id, counts), folder)
    finally:
        send(serving, signal.SIGKILL)
        wait(serving)


def _turn_with_a_kill(folder: Path, run_id: str, chance: random.Random, tally: Tally, kill: bool) -> int:
    """One turn of worker or poller in a child; kill it at a step that is drawn, or after a time."""
    died_at = folder / "died"
    died_at.unlink(missing_ok=True)
    by_time = kill and chance.random() < 0.3
    step = chance.randint(1, 14) if kill and not by_time else 0
    pid = forked(lambda: _turn(folder, run_id, step, died_at))
    if by_time:
        until = time.monotonic() + chance.uniform(0, 0.6)
        while time.monotonic() < until and not has_ended(pid):
            time.sleep(0.002)
        send(pid, signal.SIGKILL)
    code = wait(pid)
    if code == -signal.SIGKILL:
        tally.kills += 1
        tally.at[died_at.read_text() if died_at.exists() else "any time"] += 1
    elif code not in (0, FINISHED, FAILED):
        tally.failures.append(f"a turn ended with {code}")
        return FAILED
    return code


def _turn(folder: Path, run_id: str, step: int, died_at: Path) -> int:
    """Poll where the run waits, else let a worker take it up; the claims of killed workers are released first."""
    _put_in_steps(step, died_at)
    worker._sleep = lambda journal, seconds: None  # type: ignore[assignment]  (waits are none of this campaign's)
    paths = places_in(folder)
    store = open_store(paths.store_url)
    leases.release_dead_claims(store, lambda owner: True)
    found = queries.find_run(store, run_id)
    assert found
    if found.work == "finished":
        batch_poller.BatchPoller(store).poll()
        return FINISHED if not queries.open_batches(store) else 0
    if found.work == "failed":
        print(found.error, found.trace)
        return FAILED
    claim = None if found.work == queries.WAITING else leases.claim_next(store, leases.owner_name())
    if claim:
        return execute_claimed_run(claim, paths, _bench)
    batch_poller.BatchPoller(store).poll()
    return 0


def _bench(config: Any, run_id: str, store: Store, paths: Any, journal: Any) -> RunResources:
    real = build_resources(config, run_id, store, paths, journal)
    return dataclasses.replace(fakes.fake_resources(config, run_id, store, paths, journal),
                               open_teacher=real.open_teacher, batches=real.batches)


def _put_in_steps(step: int, died_at: Path) -> None:
    """Make this process die before or after the given number of steps; 0 lets it live."""
    passed = 0

    def at(name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == step:
            died_at.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(thing: Any, name: str, applies: Callable[..., bool] = lambda *_: True) -> None:
        real = getattr(thing, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            if not applies(*arguments):
                return real(*arguments, **named)
            at(f"before {name}")
            result = real(*arguments, **named)
            at(f"after {name}")
            return result

        setattr(thing, name, wrapped)

    around(batch_sender, "write_atomic")
    around(Journal, "append", lambda _, *events: any(isinstance(event, _RECORDED) for event in events))
    for name in ("find", "upload", "create", "retrieve", "cancel", "content"):
        around(batch_endpoint.BatchEndpoint, name)
    around(batch_results, "insert_call")
    for name in ("record_outcome", "append_of_batch", "continue_run"):
        around(batch_poller, name)


def _launch(folder: Path, url: str) -> str:
    config = plain_run(teacher="gpt-4o-mini", teacher_base_url=url, teacher_batch=True, questions=2,
                    held_out=2, topics=("pods", "services"), steps=2)
    return commands.launch_run(open_store(places_in(folder).store_url), config, "test")


def _cancel_and_resume(folder: Path, run_id: str) -> int:
    store = open_store(places_in(folder).store_url)
    leases.release_dead_claims(store, lambda owner: True)
    with contextlib.suppress(commands.CommandRefused):
        commands.change_run_state(store, "cancel", run_id)
        batch_poller.BatchPoller(store).poll()
        commands.change_run_state(store, "resume", run_id)
    return 0


def _faults(folder: Path, run_id: str, counts: dict[str, Any]) -> list[str]:
    return [f"{folder}: {fault}" for fault in _found(open_store(places_in(folder).store_url), run_id, counts)]


def _found(store: Store, run_id: str, counts: dict[str, Any]) -> Iterator[str]:
    """What is wrong with a run and its bill."""
    found = queries.find_run(store, run_id)
    assert found
    if found.work != "finished":
        yield f"the run is {found.work}: {found.error}"
    if twice := {key: times for key, times in counts["paid"].items() if times != 1}:
        yield f"paid more than once: {twice}"
    if again := [ours for ours, times in Counter(counts["ours"]).items() if times != 1]:
        yield f"created more than once: {again}"
    with store.read() as connection:
        stored = set(connection.execute(teacher_calls.select().with_only_columns(teacher_calls.c.key)).scalars())
    if stored != set(counts["paid"]):
        yield f"{len(stored)} replies are stored, and {len(counts['paid'])} were paid"
    if counts["chat_calls"]:
        yield f"{counts['chat_calls']} calls were made one by one"
    ended = [item.event for item in read_events(store, run_id) if isinstance(item.event, BatchEnded)]
    billed, used = sum(event.cost_usd or 0.0 for event in ended), run_usage(store, run_id)
    if abs(billed - (cost_of(found.config.teacher, used) or 0.0)) > 1e-9:
        yield f"the batches cost {billed}, and their replies {cost_of(found.config.teacher, used)}"


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m tests.chaos.batch_kills")
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    tally = run(given.kills, given.seed, partial(print, flush=True))
    for failure in tally.failures:
        print(f"FAILED {failure}")
    for step, times in sorted(tally.at.items()):
        print(f"  {times:4} {step}")
    print(f"batches: {tally.runs} runs, {tally.kills} kill -9s at {len(tally.at)} kinds of steps, {tally.batches} "
          f"batches, {tally.paid} paid lines; {len(tally.failures)} failures")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
