"""`status`: what has run and what waits."""

from __future__ import annotations

import argparse

from store.database import NoStoreYet, open_for_reading
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """How it is printed."""
    one.add_argument("--json", action="store_true", help="print one JSON list")


def carry_out(options: argparse.Namespace) -> int:
    """List the runs; no store yet is an empty list."""
    from runner.status import show

    try:
        return show(open_for_reading(locations().store_url), options.json)
    except NoStoreYet:
        print("[]" if options.json else "no run yet: start one with 'python -m runner run'")
        return 0
