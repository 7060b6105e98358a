"""`logs`: what the runner did, or what happened in a run; for people, or one JSON object a line."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.commands.bad_input import BadInput
from store import queries
from store.database import Store, open_for_reading
from store.locations import locations

POLL_SECONDS = 0.5


def options(one: argparse.ArgumentParser) -> None:
    """Whose log, how much of it, in which form."""
    one.add_argument("run", nargs="?", help="a run's id; without one, the runner's own log")
    one.add_argument("--follow", action="store_true", help="go on as more happens, until Ctrl-C or the run's end")
    one.add_argument("--lines", type=int, default=200, metavar="N", help="how many of the last lines (default 200)")
    one.add_argument("--json", action="store_true", help="one JSON object a line")


def carry_out(options: argparse.Namespace) -> int:
    """Print the log; the end of a following is no error."""
    from runner.logbook import path_of, readable

    if options.lines < 0:
        raise BadInput(f"--lines {options.lines} is less than nothing")
    places = locations()
    if options.run:
        store = open_for_reading(places.store_url)
        if queries.run_named(store, options.run) is None:
            raise BadInput(f"no run {options.run!r}: list them with 'python -m runner status'")
        lines = _of_run(store, options.run, options.lines, options.follow)
    else:
        lines = _of_runner(path_of(places), options.lines, options.follow)
    try:
        for line in lines:
            print(json.dumps(line, ensure_ascii=False) if options.json else readable(line), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


def _of_run(store: Store, run: str, last: int, follow: bool) -> Iterator[dict[str, Any]]:
    from runner.logbook import run_lines

    known = list(run_lines(store, run))
    yield from (line for _, line in known[len(known) - min(last, len(known)):])
    seen = known[-1][0] if known else 0
    while follow:
        state = queries.run_named(store, run)
        for seq, line in run_lines(store, run, seen):
            yield line
            seen = seq
        if state is None or not state.active:
            return
        time.sleep(POLL_SECONDS)


def _of_runner(path: Path, last: int, follow: bool) -> Iterator[dict[str, Any]]:
    """The log's last lines, those of the file before it included; then what is added, over rotations."""
    files = [file for file in (path.with_name(path.name + ".1"), path) if file.exists()]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    yield from (json.loads(line) for line in lines[len(lines) - min(last, len(lines)):])
    position, inode = (path.stat().st_size, path.stat().st_ino) if path.exists() else (0, 0)
    while follow:
        time.sleep(POLL_SECONDS)
        if not path.exists():
            continue
        if path.stat().st_ino != inode:
            position, inode = 0, path.stat().st_ino
        with path.open(encoding="utf-8") as file:
            file.seek(position)
            whole = [line for line in file.readlines() if line.endswith("\n")]
        position += sum(len(line.encode()) for line in whole)
        yield from map(json.loads, whole)
