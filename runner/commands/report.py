"""`report`: the evidence of one run as one file to hand over."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from runner.artifacts import write_whole
from runner.commands.bad_input import BadInput
from store.database import open_for_reading
from store.locations import locations
from store.report import Evidence, as_csv, as_html, as_json, gather

FORMATS: dict[str, Callable[[Evidence], str]] = {".html": as_html, ".json": as_json, ".csv": as_csv}


def options(one: argparse.ArgumentParser) -> None:
    """The run, and the file; its ending says what is written."""
    one.add_argument("run", help="a run's id, as `status` shows it")
    one.add_argument("--to", required=True, type=Path, metavar="FILE",
                     help="FILE.html: one offline page; FILE.json: everything; FILE.csv: one question a row")


def carry_out(options: argparse.Namespace) -> int:
    """Write the file; nothing is fetched, and nothing in the store is changed."""
    to = options.to.expanduser().absolute()
    make = FORMATS.get(to.suffix.lower())
    if make is None:
        raise BadInput(f"--to {options.to}: the ending says what is written: use {', '.join(FORMATS)}")
    if not to.parent.is_dir():
        raise BadInput(f"--to {options.to}: there is no folder {to.parent}")
    evidence = gather(open_for_reading(locations().store_url), options.run)
    if evidence is None:
        raise BadInput(f"no run {options.run!r}: list them with 'python -m runner status'")
    try:
        write_whole(to, make(evidence).encode("utf-8-sig" if to.suffix.lower() == ".csv" else "utf-8"))
    except OSError as error:
        raise BadInput(f"--to {options.to} cannot be written: {error.strerror}") from error
    print(f"written: {to}")
    return 0
