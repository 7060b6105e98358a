"""`demo`: what `make demo` and `make run` call."""

from __future__ import annotations

import argparse
import os

from runner.commands.bad_input import BadInput
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """Whether a demonstration is wanted at all."""
    one.add_argument("--no-run", action="store_true", help="only serve")


def carry_out(options: argparse.Namespace) -> int:
    """Serve runner and dashboard, with a demonstration run where the store is empty."""
    from runner.demo import demo

    port, keep_serving = os.environ.get("PORT", "8501"), os.environ.get("SERVE", "1") != "0"
    if not port.isdecimal():
        raise BadInput(f"PORT {port!r} is not a port number")
    return demo(locations(), int(port), keep_serving or options.no_run, with_run=not options.no_run)
