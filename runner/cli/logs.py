"""`logs`: print the runner's log, or the events of a run, as text or one JSON object per line."""

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
from store.program_name import NAME

POLL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, the number of lines, and the output format."""
    parser.add_argument("run", nargs="?", help="a run's id; without one, the runner's own log")
    parser.add_argument("--follow", action="store_true",
                        help="keep printing new lines until Ctrl-C, or until the run ends")
    parser.add_argument("--lines", type=int, default=200, metavar="N",
                        help="number of last lines to print (default 200)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")


def run(args: argparse.Namespace) -> int:
    """Print the log; Ctrl-C ends --follow with exit code 130."""
    from runner.service.runner_log import format_line, log_path

    if args.lines < 0:
        raise UserError(f"--lines {args.lines} is negative")
    paths = default_paths()
    if args.run:
        store = open_for_reading(paths.store_url)
        if queries.find_run(store, args.run) is None:
            raise UserError(f"no run {args.run!r}: list them with '{NAME} status'")
        lines = _of_run(store, args.run, args.lines, args.follow)
    else:
        path = log_path(paths)
        if not path.exists() and not args.follow:
            raise UserError(f"no log at {path} yet: a runner writes it while it serves ({NAME} serve)")
        lines = _of_runner(path, args.lines, args.follow)
    try:
        for line in lines:
            print(json.dumps(line, ensure_ascii=False) if args.json else format_line(line), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


def _of_run(store: Store, run: str, last: int, follow: bool) -> Iterator[dict[str, Any]]:
    from runner.service.runner_log import run_lines

    lines = list(run_lines(store, run))
    yield from (line for _, line in lines[len(lines) - min(last, len(lines)):])
    seen = lines[-1][0] if lines else 0
    while follow:
        state = queries.find_run(store, run)
        for seq, line in run_lines(store, run, seen):
            yield line
            seen = seq
        if state is None or not state.active:
            return
        time.sleep(POLL_SECONDS)


def _of_runner(path: Path, last: int, follow: bool) -> Iterator[dict[str, Any]]:
    """Yield the log's last lines, including rotated files; then new lines, across rotations."""
    inode = path.stat().st_ino if path.exists() else 0
    newest = _complete_lines(path, 0) if path.exists() else []
    position = sum(map(len, newest))
    lines = [line for file in reversed(_rotated_files(path)) for line in _complete_lines(file, 0)] + newest
    yield from map(_parse_line, lines[len(lines) - min(last, len(lines)):])
    while follow:
        time.sleep(POLL_SECONDS)
        if not path.exists():
            continue
        if path.stat().st_ino != inode:
            yield from _rest_of(path, inode, position)
            position, inode = 0, path.stat().st_ino
        lines = _complete_lines(path, position)
        position += sum(map(len, lines))
        yield from map(_parse_line, lines)


def _rotated_files(path: Path) -> list[Path]:
    """Return the rotated log files, newest first."""
    from runner.service.runner_log import FILES_KEPT

    files = (path.with_name(f"{path.name}.{number}") for number in range(1, FILES_KEPT + 1))
    return [file for file in files if file.exists()]


def _rest_of(path: Path, inode: int, position: int) -> Iterator[dict[str, Any]]:
    """Yield lines added to files that were rotated since the last poll; none if the file was deleted."""
    rotated = _rotated_files(path)
    index = next((index for index, file in enumerate(rotated) if file.stat().st_ino == inode), None)
    if index is not None:
        yield from map(_parse_line, _complete_lines(rotated[index], position))
        for file in reversed(rotated[:index]):
            yield from map(_parse_line, _complete_lines(file, 0))


def _complete_lines(path: Path, position: int) -> list[bytes]:
    with path.open("rb") as file:
        file.seek(position)
        return [line for line in file.readlines() if line.endswith(b"\n")]


def _parse_line(raw: bytes) -> dict[str, Any]:
    """Parse a log line; one truncated by a full disk or power cut is returned as text."""
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    valid = isinstance(line, dict) and {"at", "what"} <= line.keys()
    return line if valid else {"at": "", "what": raw.decode(errors="replace").strip()}
