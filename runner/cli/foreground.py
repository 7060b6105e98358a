"""Execute a run in the foreground, or follow the runner that does, and print the result."""

from __future__ import annotations

import json
import signal
from types import FrameType

from rich.console import Console

from runner.cli.progress import follow
from runner.cli.summary import as_json, as_lines
from runner.pipeline.recovery import RECOVERY, ErrorKind
from runner.pipeline.resume import missing_checkpoints
from runner.service.batch_poller import BatchPoller
from runner.service.process_locks import AlreadyRunning, acquire_runner_lock
from runner.service.runner_log import configure
from runner.service.supervisor import Supervisor
from store import queries
from store.database import Store
from store.event_log.journal import read_events
from store.paths import Paths

EXIT_CODES = {"finished": 0, "failed": 1, "cancelled": 3, "paused": 3}
EXIT_INTERRUPTED = 130


def run_in_foreground(store: Store, paths: Paths, run_id: str, json_output: bool) -> int:
    """Execute a run in a child process, unless a runner is already serving, and show its progress until it ends.

    Returns the exit code: 0 finished, 1 failed, 3 cancelled or paused, 130 interrupted by Ctrl-C.
    """
    console = Console(stderr=json_output, highlight=False)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        acquire_runner_lock(paths.data)
    except AlreadyRunning:
        console.print(f"run {run_id}: executed by the runner that is online; showing its progress")
        supervisor = None
    else:
        console.print(f"run {run_id}")
        if found := missing_checkpoints(read_events(store, run_id), paths.run(run_id)):
            console.print(f"{found}. {RECOVERY[ErrorKind.CHECKPOINTS_MISSING].advice}", markup=False, soft_wrap=True)
        configure(paths, on_screen=False)
        supervisor = Supervisor(store, paths, only=run_id)
    try:
        run = _follow(store, run_id, console, supervisor)
    except KeyboardInterrupt:
        console.print(f"interrupted; finished work is kept. Continue with: python -m runner resume {run_id}",
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

    poller = BatchPoller(store, only=run_id)

    def poll() -> None:
        supervisor.tick()
        poller.poll_when_due()
        supervisor.beat_when_due()

    return follow(store, run_id, console, poll)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
