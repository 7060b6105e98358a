"""What every launcher does, whichever it is: each check takes a supervisor that uses one, with fake models."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from runner.service.supervisor import Supervisor
from store import commands
from store.database import Store
from store.event_log.journal import read_events
from store.events import RecoveryTaken, RunStarted
from tests.runner.same_run import launch, outcome, undisturbed
from tests.runner.watching import run_of, tick_until

WORKER = Path(__file__).parents[1] / "worker_on_demand.py"
ENDLESS = 10_000
"""Steps: far more than can be done before a stop."""
Check = Callable[[Supervisor, Store, Path], None]
"""Takes the folder of `held_at_an_item` too."""


def workers_of(run: str) -> list[psutil.Process]:
    """The worker processes of a run on this machine, on whichever node."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if WORKER.name in " ".join(command[:3]) and run in command:
            found.append(process)
    return found


def recoveries_of(store: Store, run: str) -> list[str]:
    return [item.event.kind for item in read_events(store, run) if isinstance(item.event, RecoveryTaken)]


def places_of(store: Store, run: str) -> list[str]:
    return [item.event.node for item in read_events(store, run) if isinstance(item.event, RunStarted)]


def in_training(store: Store, run: str) -> bool:
    return run_of(store, run).stage == "fine-tune" and bool(workers_of(run))


def held_at_an_item(folder: Path, number: int = 9) -> dict[str, str]:
    """The environment of workers that stop at an item and write `held`, until `go` is in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("held", "go"):
        (folder / name).unlink(missing_ok=True)
    return {"ITEM_FOLDER": str(folder), "HOLD_ITEM": str(number), "END_WITH_PARENT": "1"}


def a_killed_worker_is_a_crash_and_changes_nothing(supervisor: Supervisor, store: Store, folder: Path) -> None:
    run = launch(store, 1)
    tick_until(supervisor, (folder / "held").exists)
    os.kill(workers_of(run)[0].pid, signal.SIGKILL)
    (folder / "go").touch()
    tick_until(supervisor, lambda: run_of(store, run).work == "finished" and not supervisor.children)
    assert recoveries_of(store, run) == ["process killed"] and run_of(store, run).attempts == 2
    assert outcome(store, run) == undisturbed(folder / "alone", 1)


def a_run_that_is_cancelled_stops_and_frees_its_place(supervisor: Supervisor, store: Store, folder: Path) -> None:
    (folder / "go").touch()
    run = launch(store, 2, steps=ENDLESS)
    tick_until(supervisor, lambda: in_training(store, run))
    commands.change_run_state(store, "cancel", run)
    tick_until(supervisor, lambda: run_of(store, run).work == "cancelled" and not supervisor.children)
    tick_until(supervisor, lambda: not workers_of(run))


def a_runner_that_stops_hands_its_run_back(supervisor: Supervisor, store: Store, folder: Path) -> None:
    (folder / "go").touch()
    run = launch(store, 3, steps=ENDLESS)
    tick_until(supervisor, lambda: in_training(store, run))
    supervisor.stopping.set()
    supervisor.tick()
    assert supervisor.stopped.is_set() and not supervisor.children
    assert run_of(store, run).work == "queued" and recoveries_of(store, run) == []
    commands.change_run_state(store, "cancel", run)


CONTRACT: tuple[Check, ...] = (
    a_killed_worker_is_a_crash_and_changes_nothing, a_run_that_is_cancelled_stops_and_frees_its_place,
    a_runner_that_stops_hands_its_run_back)
