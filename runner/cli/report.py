"""`report`: the evidence of one run as one file to hand over."""

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
    """The run, and the file; its ending says what is written."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--to", required=True, type=Path, metavar="FILE",
                        help="FILE.html: one offline page; FILE.json: everything; FILE.csv: one question a row")


def run(args: argparse.Namespace) -> int:
    """Write the file; nothing is fetched, and nothing in the store is changed."""
    to = args.to.expanduser().absolute()
    make = FORMATS.get(to.suffix.lower())
    if make is None:
        raise UserError(f"--to {args.to}: the ending says what is written: use {', '.join(FORMATS)}")
    if not to.parent.is_dir():
        raise UserError(f"--to {args.to}: there is no folder {to.parent}")
    evidence = gather(open_for_reading(default_paths().store_url), args.run)
    if evidence is None:
        raise UserError(f"no run {args.run!r}: list them with 'python -m runner status'")
    try:
        write_atomic(to, make(evidence).encode("utf-8-sig" if to.suffix.lower() == ".csv" else "utf-8"))
    except OSError as error:
        raise UserError(f"--to {args.to} cannot be written: {error.strerror}") from error
    print(f"written: {to}")
    return 0
