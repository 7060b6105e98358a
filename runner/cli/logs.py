"""`logs`: what the runner did, or what happened in a run; for people, or one JSON object a line."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.errors import UserError
from store import queries
from store.database import Store, open_for_reading
from store.paths import default_paths

POLL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose log, how much of it, in which form."""
    parser.add_argument("run", nargs="?", help="a run's id; without one, the runner's own log")
    parser.add_argument("--follow", action="store_true", help="go on as more happens, until Ctrl-C or the run's end")
    parser.add_argument("--lines", type=int, default=200, metavar="N", help="how many of the last lines (default 200)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """Print the log; the end of a following is no error."""
    from runner.service.runner_log import format_line, log_path

    if args.lines < 0:
        raise UserError(f"--lines {args.lines} is less than nothing")
    paths = default_paths()
    if args.run:
        store = open_for_reading(paths.store_url)
        if queries.find_run(store, args.run) is None:
            raise UserError(f"no run {args.run!r}: list them with 'python -m runner status'")
        lines = _of_run(store, args.run, args.lines, args.follow)
    else:
        path = log_path(paths)
        if not path.exists() and not args.follow:
            raise UserError(f"no log at {path} yet: a runner writes it while it serves (python -m runner serve)")
        lines = _of_runner(path, args.lines, args.follow)
    try:
        for line in lines:
            print(json.dumps(line, ensure_ascii=False) if args.json else format_line(line), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


def _of_run(store: Store, run: str, last: int, follow: bool) -> Iterator[dict[str, Any]]:
    from runner.service.runner_log import run_lines

    known = list(run_lines(store, run))
    yield from (line for _, line in known[len(known) - min(last, len(known)):])
    seen = known[-1][0] if known else 0
    while follow:
        state = queries.find_run(store, run)
        for seq, line in run_lines(store, run, seen):
            yield line
            seen = seq
        if state is None or not state.active:
            return
        time.sleep(POLL_SECONDS)


def _of_runner(path: Path, last: int, follow: bool) -> Iterator[dict[str, Any]]:
    """The log's last lines, those of files that were put aside included; then what is added, over rotations."""
    inode = path.stat().st_ino if path.exists() else 0
    newest = _whole_lines(path, 0) if path.exists() else []
    position = sum(map(len, newest))
    lines = [line for file in reversed(_put_aside(path)) for line in _whole_lines(file, 0)] + newest
    yield from map(_line_of, lines[len(lines) - min(last, len(lines)):])
    while follow:
        time.sleep(POLL_SECONDS)
        if not path.exists():
            continue
        if path.stat().st_ino != inode:
            yield from _rest_of(path, inode, position)
            position, inode = 0, path.stat().st_ino
        whole = _whole_lines(path, position)
        position += sum(map(len, whole))
        yield from map(_line_of, whole)


def _put_aside(path: Path) -> list[Path]:
    """The files before this one, the newest first."""
    from runner.service.runner_log import FILES_KEPT

    files = (path.with_name(f"{path.name}.{number}") for number in range(1, FILES_KEPT + 1))
    return [file for file in files if file.exists()]


def _rest_of(path: Path, inode: int, position: int) -> Iterator[dict[str, Any]]:
    """What was added to files that were put aside since the last look; nothing where the file is kept no more."""
    aside = _put_aside(path)
    at = next((at for at, file in enumerate(aside) if file.stat().st_ino == inode), None)
    if at is not None:
        yield from map(_line_of, _whole_lines(aside[at], position))
        for file in reversed(aside[:at]):
            yield from map(_line_of, _whole_lines(file, 0))


def _whole_lines(path: Path, position: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(position)
        return [line for line in file.readlines() if line.endswith(b"\n")]


def _line_of(raw: bytes) -> dict[str, Any]:
    """A line as it was told; one that a full disk or a power cut tore is shown as it stands."""
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    whole = isinstance(line, dict) and {"at", "what"} <= line.keys()
    return line if whole else {"at": "", "what": raw.decode(errors="replace").strip()}
