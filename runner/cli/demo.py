"""`demo`: serve runner and dashboard, and launch a demonstration run if the store is empty."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from runner.cli.foreground import EXIT_CODES
from runner.cli.progress import follow
from runner.cli.summary import as_lines
from runner.cli.watched_processes import WatchedProcess, Watcher
from runner.errors import UserError
from runner.service.process_locks import AlreadyRunning
from store import commands, queries
from store.control_arms import PLACEBO
from store.database import Store, open_store
from store.paths import Paths, default_paths
from store.presets import preset


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to launch the demonstration run."""
    parser.add_argument("--no-run", action="store_true", help="do not launch a run; only serve")


def run(args: argparse.Namespace) -> int:
    """Serve runner and dashboard, with a demonstration run if the store is empty."""
    port, keep_serving = os.environ.get("PORT", "8501"), os.environ.get("SERVE", "1") != "0"
    if not port.isdecimal():
        raise UserError(f"PORT {port!r} is not a port number")
    return demo(default_paths(), int(port), keep_serving or args.no_run, with_run=not args.no_run)


DEMONSTRATION: dict[str, Any] = {
    "topics": ("pods", "services", "jobs", "deployments"), "questions": 15, "cycles": 2, "held_out": 12, "general": 12,
    "passes": 6.0, "headline": "answer_similarity", "arms": (PLACEBO,), "name": "Demonstration",
}
"""Thirty facts in two cycles, tested in their reserved wordings, with the placebo for comparison."""
START_SECONDS = 60.0
ROOT = Path(__file__).resolve().parents[2]
_NEXT = """Next steps:
  this run in the dashboard, and a form to launch more:
    make run
  its evidence pack, one file to hand over:
    .venv/bin/python -m runner report {run} --to evidence.html
  the same with your own documents:
    .venv/bin/python -m runner run --knowledge ~/our-docs
"""


def demo(paths: Paths, port: int, keep_serving: bool, with_run: bool) -> int:
    """Start both processes, show the demonstration (or newest) run until it ends, then serve until Ctrl-C.

    A runner or dashboard that ends by itself is started again, and the terminal says so.

    Raises:
        AlreadyRunning: another runner serves this data folder.
    """
    console = Console(highlight=False)
    store = open_store(paths.store_url)
    signal.signal(signal.SIGTERM, _interrupt)
    free = _free_port(port)
    address = f"http://127.0.0.1:{free}"
    runner, dashboard = children = _runner(), _dashboard(free)
    watcher = Watcher(children, lambda text: console.print(text, markup=False, soft_wrap=True))
    try:
        _start_runner(runner, store)
        _start_dashboard(dashboard, address)
        watcher.start()
        console.print(f"dashboard: {address}")
        code = _show(store, console) if with_run else 0
        if not keep_serving:
            if code == 0:
                console.print(_NEXT.format(run=queries.all_runs(store, limit=1)[0].id), markup=False, soft_wrap=True)
            return code
        console.print(f"serving at {address}; press Ctrl-C to stop runner and dashboard")
        watcher.wait()
        return 1
    except KeyboardInterrupt:
        console.print("stopping runner and dashboard")
        return 0
    finally:
        watcher.stop()
        for child in children:
            child.stop()


def _show(store: Store, console: Console) -> int:
    runs = queries.all_runs(store, limit=1)
    run_id = runs[0].id if runs else commands.launch_run(store, preset("embedded", **DEMONSTRATION), "demo")
    run = follow(store, run_id, console)
    console.print("", *as_lines(store, run_id), "", sep="\n", markup=False, soft_wrap=True)
    return EXIT_CODES.get(run.work, 1)


def _runner() -> WatchedProcess:
    return WatchedProcess("runner", [sys.executable, "-m", "runner", "serve"], ".venv/bin/python -m runner serve", ROOT)


def _dashboard(port: int) -> WatchedProcess:
    arguments = ["streamlit", "run", "dashboard/app.py", "--server.port", str(port)]
    return WatchedProcess("dashboard", [sys.executable, "-m", *arguments],
                          " ".join([".venv/bin/python -m", *arguments]), ROOT)


def _start_runner(runner: WatchedProcess, store: Store) -> None:
    """Start the runner and wait for its first heartbeat."""
    runner.start()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if runner.exited:
            raise AlreadyRunning(runner.message().removeprefix("error: ") or "the runner exited at once")
        if any(one.connected and runner.process and one.pid == runner.process.pid for one in queries.runners(store)):
            return
        time.sleep(0.1)
    raise AlreadyRunning(f"the runner did not start within {START_SECONDS:.0f} s")


def _start_dashboard(dashboard: WatchedProcess, address: str) -> None:
    """Start the dashboard and wait until it answers."""
    dashboard.start()
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and not dashboard.exited:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)


def _free_port(wanted: int) -> int:
    """Return the wanted port, or the next free one."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return wanted


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
