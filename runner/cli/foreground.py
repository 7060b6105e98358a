"""Execute a run in the foreground, or follow the runner that does, and print the result."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from types import FrameType

from rich.console import Console

from runner.cli.progress import follow
from runner.cli.summary import as_json, as_lines
from runner.pipeline.recovery import RECOVERY, ErrorKind
from runner.pipeline.shared_files import checkpoints_gone
from runner.service.batch_poller import BatchPoller
from runner.service.process_locks import AlreadyRunning, acquire_runner_lock
from runner.service.runner_log import configure
from runner.service.supervisor import Supervisor
from store import queries
from store.database import Store
from store.event_log.journal import read_events
from store.paths import Paths
from store.program_name import NAME

EXIT_CODES = {"finished": 0, "failed": 1, "cancelled": 3, "paused": 3, "waiting-for-review": 3}
EXIT_INTERRUPTED = 130


def run_in_foreground(store: Store, paths: Paths, run_id: str, json_output: bool) -> int:
    """Execute a run in a child process, unless a runner is already serving, and show its progress until it ends.

    Returns the exit code: 0 finished, 1 failed, 3 cancelled or paused, 130 interrupted by Ctrl-C.
    """
    console = Console(stderr=json_output, highlight=False)
    with _as_runner(paths) as is_runner:
        code = _execute(store, paths, run_id, console, is_runner)
    if code == EXIT_INTERRUPTED:
        return code
    if json_output:
        print(json.dumps(as_json(store, run_id)), flush=True)
    else:
        console.print("", *as_lines(store, run_id), sep="\n", markup=False, soft_wrap=True)
    return code


def runs_in_foreground(store: Store, paths: Paths, run_ids: Sequence[str], json_output: bool) -> int:
    """Execute queued runs one after the other as `run_in_foreground` does; runs that have ended are left as they are.

    Prints no result. Returns the exit code: 0 all finished, 1 if one failed, 3 if one is cancelled or paused, 130
    interrupted by Ctrl-C, with the rest still queued.
    """
    console, codes = Console(stderr=json_output, highlight=False), []
    with _as_runner(paths) as is_runner:
        for number, run_id in enumerate(run_ids, 1):
            run = queries.find_run(store, run_id)
            if run is None:
                continue
            console.print(f"{number} of {len(run_ids)}: {run.title}", markup=False, soft_wrap=True)
            codes.append(_execute(store, paths, run_id, console, is_runner) if run.active
                         else EXIT_CODES.get(run.work, 1))
            if codes[-1] == EXIT_INTERRUPTED:
                return EXIT_INTERRUPTED
    return next((code for code in (1, 3) if code in codes), 0)


@contextlib.contextmanager
def _as_runner(paths: Paths) -> Iterator[bool]:
    """Yield whether this process executes runs itself, because no runner serves the data folder; then it is free again.

    A notebook executes one run after the other in a process that goes on.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        lock = acquire_runner_lock(paths.data)
    except AlreadyRunning:
        yield False
        return
    try:
        yield True
    finally:
        if lock is not None:
            os.close(lock)


def _execute(store: Store, paths: Paths, run_id: str, console: Console, is_runner: bool) -> int:
    """Execute or follow one run to its end; return its exit code."""
    if not is_runner:
        console.print(f"run {run_id}: executed by the runner that is online; showing its progress")
        supervisor = None
    else:
        console.print(f"run {run_id}")
        if found := checkpoints_gone(read_events(store, run_id), paths, run_id):
            console.print(f"{found}. {RECOVERY[ErrorKind.CHECKPOINTS_MISSING].advice}", markup=False, soft_wrap=True)
        configure(paths, on_screen=False)
        supervisor = Supervisor(store, paths, only=run_id)
    try:
        run = _follow(store, run_id, console, supervisor)
    except KeyboardInterrupt:
        console.print(f"interrupted; finished work is kept. Continue with: {NAME} resume {run_id}",
                      soft_wrap=True)
        return EXIT_INTERRUPTED
    finally:
        if supervisor:
            supervisor.close()
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
