"""A run in the foreground: queue it, see it through (or watch the runner that does), print what came of it."""

from __future__ import annotations

import json
import signal
from types import FrameType

from rich.console import Console

from runner.lifeline import AlreadyRunning, hold_as_only_runner
from runner.logbook import keep
from runner.progress import follow
from runner.recovery import RECOVERY, ErrorKind
from runner.summary import as_json, as_lines
from runner.supervisor import Supervisor
from runner.whereabouts import left_elsewhere
from store import queries
from store.database import Store
from store.journal import read_events
from store.locations import Locations

EXIT_CODES = {"finished": 0, "failed": 1, "cancelled": 3, "paused": 3}
EXIT_INTERRUPTED = 130


def see_through(store: Store, places: Locations, run_id: str, json_output: bool) -> int:
    """Show a run until it ends; works on it in a child process unless a runner is there to do it.

    Returns the exit code: 0 finished, 1 failed, 3 cancelled or paused, 130 interrupted by Ctrl-C.
    """
    console = Console(stderr=json_output, highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        hold_as_only_runner(places.data)
    except AlreadyRunning:
        console.print(f"run {run_id}: a runner is connected and does the work; this shows its progress")
        supervisor = None
    else:
        console.print(f"run {run_id}")
        if found := left_elsewhere(read_events(store, run_id), places.run(run_id)):
            console.print(f"{found}. {RECOVERY[ErrorKind.ELSEWHERE].advice}", markup=False, soft_wrap=True)
        keep(places, on_screen=False)
        supervisor = Supervisor(store, places, only=run_id)
    try:
        run = _follow(store, run_id, console, supervisor)
    except KeyboardInterrupt:
        console.print(f"interrupted; what is finished is kept. Go on with: python -m runner resume {run_id}",
                      soft_wrap=True)
        return EXIT_INTERRUPTED
    finally:
        if supervisor:
            supervisor.close()
    if json_output:
        print(json.dumps(as_json(store, run_id)), flush=True)
    else:
        console.print("", *as_lines(store, run_id), sep="\n", markup=False, soft_wrap=True)
    return EXIT_CODES.get(run.work, 1)


def _follow(store: Store, run_id: str, console: Console, supervisor: Supervisor | None) -> queries.Run:
    if supervisor is None:
        return follow(store, run_id, console)

    def look() -> None:
        supervisor.tick()
        supervisor.beat_when_due()

    return follow(store, run_id, console, look)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
