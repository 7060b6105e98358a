"""`doctor`: what this machine can run, and why."""

from __future__ import annotations

import argparse

from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """How it is printed."""
    one.add_argument("--json", action="store_true", help="print one JSON object")


def carry_out(options: argparse.Namespace) -> int:
    """Examine the machine."""
    from runner.doctor import examine

    return examine(locations(), options.json)
