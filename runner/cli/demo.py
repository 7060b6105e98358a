"""`demo`: serve runner and dashboard, and launch a demonstration run if the store is empty."""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

from rich.console import Console

from runner.cli.foreground import EXIT_CODES
from runner.cli.group_result import group_lines
from runner.cli.program import ROOT
from runner.cli.progress import follow
from runner.cli.run import parse_overrides
from runner.cli.summary import as_lines
from runner.cli.watched_processes import WatchedProcess, Watcher, stop_all
from runner.errors import UserError
from runner.service.process_locks import AlreadyRunning
from store import commands, queries
from store.analysis.group_result import group_result
from store.analysis.teacher_replacement import share_lines
from store.config_checks import check
from store.config_metadata import settings_of
from store.control_arms import PLACEBO
from store.database import Store, open_store
from store.paths import Paths, default_paths
from store.presets import preset
from store.program_name import NAME, as_called
from store.run_config import RunConfig
from store.sweep import SweepPlan, plan_runs, seeds_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether to launch the demonstration run."""
    parser.add_argument("--no-run", action="store_true", help="do not launch a run; only serve")
    parser.add_argument("--seeds", metavar="N", help="train with so many seeds (3; 1-20; 1,5,9) on one test, as a "
                        "group: one cycle each, also where the store has runs already")
    parser.add_argument("--set", dest="more", action="append", default=[], metavar="FIELD=VALUE",
                        help="any setting of the demonstration, as JSON: --set questions=8 (repeatable)")


def run(args: argparse.Namespace) -> int:
    """Serve runner and dashboard, with a demonstration run if the store is empty, or with a group of seeds."""
    port, keep_serving = os.environ.get("PORT", "8501"), os.environ.get("SERVE", "1") != "0"
    if not port.isdecimal():
        raise UserError(f"PORT {port!r} is not a port number")
    if args.no_run and (args.seeds or args.more):
        raise UserError("--no-run launches nothing: leave --seeds and --set out")
    changes = parse_overrides(args.more, {setting.name for setting in settings_of(RunConfig)} - {"preset"})
    if args.seeds:
        plan = seeds_plan(args.seeds, changes)
        return demo(default_paths(), int(port), keep_serving, lambda store, console: show_group(store, plan, console))
    config = preset("embedded", **DEMONSTRATION | changes)
    return demo(default_paths(), int(port), keep_serving or args.no_run,
                None if args.no_run else lambda store, console: _show(store, config, console))


DEMONSTRATION: dict[str, Any] = {
    "topics": ("pods", "services", "jobs", "deployments"), "questions": 15, "cycles": 2, "held_out": 12, "general": 12,
    "passes": 6.0, "headline": "answer_similarity", "arms": (PLACEBO,), "name": "Demonstration",
}
"""Thirty facts in two cycles, tested in their reserved wordings, with the placebo for comparison."""
OF_SEEDS: dict[str, Any] = {"questions": 24, "cycles": 1}
"""What differs where several seeds are trained: as many minutes a seed as one cycle takes."""
GROUP = "demonstration"
Show = Callable[[Store, Console], int]
"""Shows runs until they end, and returns the exit code."""
START_SECONDS = 600.0
"""A process that has not ended is still starting: on a busy machine an installation's first imports take minutes."""
_NEXT = """Next steps:
  this run in the dashboard, and a form to launch more:
    make run
  its evidence pack, one file to hand over:
    .venv/bin/python -m runner report {run} --to evidence.html
  the same with your own documents:
    .venv/bin/python -m runner run --knowledge ~/our-docs
"""


_WORDS = """Each verdict is one of four words: improved or worse (the 95% interval excludes zero), no relevant change
(it lies within the margin named before the run), inconclusive (neither). Here: {counts}."""


def demo(paths: Paths, port: int, keep_serving: bool, show: Show | None) -> int:
    """Start both processes, show the demonstration until it ends, then serve until Ctrl-C.

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
        code = show(store, console) if show else 0
        if not keep_serving:
            if code == 0:
                text = _NEXT.format(run=queries.all_runs(store, limit=1)[0].id)
                console.print(as_called(text), markup=False, soft_wrap=True)
            return code
        console.print(f"serving at {address}; press Ctrl-C to stop runner and dashboard")
        watcher.wait()
        return 1
    except KeyboardInterrupt:
        console.print("stopping runner and dashboard")
        return 0
    finally:
        stop_all(watcher, children)


def _show(store: Store, config: RunConfig, console: Console) -> int:
    """Launch the demonstration where the store is empty, and show the newest run until it ends."""
    runs = queries.all_runs(store, limit=1)
    run_id = runs[0].id if runs else commands.launch_run(store, config, "demo")
    run = follow(store, run_id, console)
    console.print("", *as_lines(store, run_id), "", sep="\n", markup=False, soft_wrap=True)
    return EXIT_CODES.get(run.work, 1)


def seeds_plan(seeds: str, changes: dict[str, Any]) -> SweepPlan:
    """Return the demonstration with several seeds, as one group.

    Args:
        seeds: as typed.
        changes: settings that differ from the demonstration's.

    Raises:
        InvalidConfig: with one sentence for every invalid value.
    """
    base = preset("embedded", **DEMONSTRATION | OF_SEEDS | changes)
    return plan_runs(lambda point: check(dataclasses.replace(base, **point)), {}, seeds_from(seeds, base.seed), False,
                     GROUP)


def show_group(store: Store, plan: SweepPlan, console: Console) -> int:
    """Queue the runs of a group that are not there yet, show each until it ends, then the group's result."""
    def out(*lines: str) -> None:
        console.print(*lines, sep="\n", markup=False, soft_wrap=True)

    out(*plan.sentences())
    runs = commands.launch_group(store, plan.configs, plan.group, "demo").runs
    codes = [EXIT_CODES.get(follow(store, run, console).work, 1) for run in runs]
    out("", *group_lines(store, plan.group))
    for run, config in zip(runs, plan.configs, strict=True):
        shares = [one for one in queries.gain_shares_of(store, run) if one.metric == config.headline]
        if lines := share_lines(shares):
            out("", f"What the gain of seed {config.seed_of_training} is made of:", *lines)
    out("", _WORDS.format(counts=_verdict_counts(store, plan.group)),
        "", f"the same on one page: Compare, group {plan.group}; {NAME} compare --group {plan.group}", "")
    return max(codes)


def _verdict_counts(store: Store, group: str) -> str:
    """Return how many changes of the group, by kind of question and metric, have each verdict."""
    result = group_result(store, group)
    verdicts = Counter(change.verdict for one in result.combinations for change in one.changes) if result else Counter()
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()) or "no result"


def _runner() -> WatchedProcess:
    return WatchedProcess("runner", [sys.executable, "-m", "runner", "serve"],
                          as_called(".venv/bin/python -m runner serve"), ROOT)


def _dashboard(port: int) -> WatchedProcess:
    arguments = ["dashboard", "--server.port", str(port)]
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
