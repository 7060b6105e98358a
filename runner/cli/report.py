"""`report`: write the evidence pack of a run as one file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runner.errors import UserError
from store.database import open_for_reading
from store.files import write_atomic
from store.paths import default_paths
from store.program_name import NAME
from store.report import (
    Evidence, NothingToExport, as_csv, as_html, as_inspect, as_json, as_latex, as_markdown, gather,
)
from store.report.signature import InvalidKey, fingerprint, public_pem, read_private_key

FORMATS: dict[str, Callable[[Evidence], str]] = {
    ".html": as_html, ".json": as_json, ".csv": as_csv, ".md": as_markdown, ".tex": as_latex}
MAX_USD_PER_HOUR = 10_000
PRINTED: dict[str, Callable[[Evidence], str]] = {"md": as_markdown, "latex": as_latex, "inspect": as_inspect}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run, and the file; its suffix determines the format."""
    parser.add_argument("run", help="a run's id, as `status` shows it")
    parser.add_argument("--to", type=Path, metavar="FILE",
                        help="FILE.html: one offline page; FILE.json: everything, to verify; FILE.csv: one row per "
                             "question; FILE.md and FILE.tex: the tables of results for a paper")
    parser.add_argument("--format", choices=PRINTED,
                        help="md, latex: the tables of results; inspect: a log that Inspect opens (FILE.json). Printed "
                             "without --to")
    parser.add_argument("--sign", type=Path, metavar="KEY",
                        help="sign the pack with this private key (make-key makes one); FILE.json only")
    parser.add_argument("--machine-usd-per-hour", type=float, metavar="USD",
                        help="price of the machine that answers in your product: adds what 1,000 answers cost, and "
                             "from how many on the student is cheaper than its teacher")


def run(args: argparse.Namespace) -> int:
    """Write the file; nothing is fetched, and the store is not changed."""
    if args.machine_usd_per_hour is not None and not 0 <= args.machine_usd_per_hour <= MAX_USD_PER_HOUR:
        raise UserError(f"--machine-usd-per-hour {args.machine_usd_per_hour:g}: use 0 to {MAX_USD_PER_HOUR:,}")
    if args.format and args.sign:
        raise UserError(f"--sign {args.sign}: only the pack that verify-pack reads is signed: use --to FILE.json")
    if args.to is None:
        if not args.format:
            raise UserError("say where the pack goes (--to FILE.html), or what to print (--format)")
        print(_made(PRINTED[args.format], _evidence(args)), end="")
        return 0
    to = args.to.expanduser().absolute()
    make = FORMATS.get(to.suffix.lower())
    if args.format == "inspect" and to.suffix.lower() != ".json":
        raise UserError(f"--to {args.to}: a log that Inspect opens is a .json file")
    if make is None:
        raise UserError(f"--to {args.to}: the suffix determines the format: use {', '.join(FORMATS)}")
    if not to.parent.is_dir():
        raise UserError(f"--to {args.to}: folder {to.parent} does not exist")
    sign = args.sign and _signing(args, to)
    make = sign or (PRINTED[args.format] if args.format else make)
    content = _made(make, _evidence(args))
    try:
        write_atomic(to, content.encode("utf-8-sig" if to.suffix.lower() == ".csv" else "utf-8"))
    except OSError as error:
        raise UserError(f"--to {args.to} cannot be written: {error.strerror}") from error
    print(f"written: {to}")
    return 0


def _made(make: Callable[[Evidence], str], evidence: Evidence) -> str:
    try:
        return make(evidence)
    except NothingToExport as error:
        raise UserError(f"--format inspect: {error}") from error


def _evidence(args: argparse.Namespace) -> Evidence:
    evidence = gather(open_for_reading(default_paths().store_url), args.run, args.machine_usd_per_hour)
    if evidence is None:
        raise UserError(f"no run {args.run!r}: list them with '{NAME} status'")
    return evidence


def _signing(args: argparse.Namespace, to: Path) -> Callable[[Evidence], str]:
    """Return what writes the signed pack.

    Raises:
        UserError: the key cannot be used, or the format is not the one that is signed.
    """
    if to.suffix.lower() != ".json":
        raise UserError(f"--sign {args.sign}: only the pack that verify-pack reads is signed: use --to FILE.json")
    try:
        key = read_private_key(args.sign.expanduser())
    except InvalidKey as error:
        raise UserError(f"--sign: {error}") from error
    print(f"signed by {fingerprint(public_pem(key))}")
    return partial(as_json, key=key)
