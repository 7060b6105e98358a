"""`demo`: serve runner and dashboard, and launch a demonstration run if the store is empty."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
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
    "passes": 8.0, "headline": "answer_similarity", "arms": (PLACEBO,), "name": "Demonstration",
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

    Raises:
        AlreadyRunning: another runner serves this data folder.
    """
    console = Console(highlight=False)
    store = open_store(paths.store_url)
    signal.signal(signal.SIGTERM, _interrupt)
    children: list[subprocess.Popen[bytes]] = []
    try:
        address = f"http://127.0.0.1:{(free := _free_port(port))}"
        children = [_start_runner(store), _start_dashboard(free)]
        console.print(f"dashboard: {address}")
        code = _show(store, console) if with_run else 0
        if not keep_serving:
            if code == 0:
                console.print(_NEXT.format(run=queries.all_runs(store, limit=1)[0].id), markup=False, soft_wrap=True)
            return code
        console.print(f"serving at {address}; press Ctrl-C to stop runner and dashboard")
        return _serve(children)
    except KeyboardInterrupt:
        console.print("stopping runner and dashboard")
        return 0
    finally:
        _stop(children)


def _show(store: Store, console: Console) -> int:
    runs = queries.all_runs(store, limit=1)
    run_id = runs[0].id if runs else commands.launch_run(store, preset("embedded", **DEMONSTRATION), "demo")
    run = follow(store, run_id, console)
    console.print("", *as_lines(store, run_id), "", sep="\n", markup=False, soft_wrap=True)
    return EXIT_CODES.get(run.work, 1)


def _start_runner(store: Store) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-m", "runner", "serve"], cwd=ROOT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            message = process.stderr.read().decode(errors="replace").strip() if process.stderr else ""
            raise AlreadyRunning(message.removeprefix("error: ") or "the runner exited at once")
        if any(runner.connected and runner.pid == process.pid for runner in queries.runners(store)):
            return process
        time.sleep(0.1)
    raise AlreadyRunning(f"the runner did not start within {START_SECONDS:.0f} s")


def _start_dashboard(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.port", str(port)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=1):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    return process


def _free_port(wanted: int) -> int:
    """Return the wanted port, or the next free one."""
    for port in range(wanted, wanted + 50):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return wanted


def _serve(children: list[subprocess.Popen[bytes]]) -> int:
    """Wait until Ctrl-C; return 1 if one of the children exits."""
    while all(child.poll() is None for child in children):
        time.sleep(0.5)
    return 1


def _stop(children: list[subprocess.Popen[bytes]]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
