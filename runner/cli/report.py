"""`report`: write the evidence pack of a run as one file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from runner.errors import UserError
from store.database import open_for_reading
from store.files import write_atomic
from store.paths import default_paths
from store.report import Evidence, as_csv, as_html, as_json, gather

FORMATS: dict[str, Callable[[Evidence], str]] = {".html": as_html, ".json": as_json, ".csv": as_csv}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and the file; its suffix determines the format."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--to", required=True, type=Path, metavar="FILE",
                        help="FILE.html: one offline page; FILE.json: everything; FILE.csv: one row per question")


def run(args: argparse.Namespace) -> int:
    """Write the file; nothing is fetched, and the store is not changed."""
    to = args.to.expanduser().absolute()
    make = FORMATS.get(to.suffix.lower())
    if make is None:
        raise UserError(f"--to {args.to}: the suffix determines the format: use {', '.join(FORMATS)}")
    if not to.parent.is_dir():
        raise UserError(f"--to {args.to}: folder {to.parent} does not exist")
    evidence = gather(open_for_reading(default_paths().store_url), args.run)
    if evidence is None:
        raise UserError(f"no run {args.run!r}: list them with 'python -m runner status'")
    try:
        write_atomic(to, make(evidence).encode("utf-8-sig" if to.suffix.lower() == ".csv" else "utf-8"))
    except OSError as error:
        raise UserError(f"--to {args.to} cannot be written: {error.strerror}") from error
    print(f"written: {to}")
    return 0
