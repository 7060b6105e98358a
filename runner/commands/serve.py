"""`serve`: the long-lived runner."""

from __future__ import annotations

import argparse

from store.database import open_store
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """What to do where another runner serves already."""
    one.add_argument("--stand-by", action="store_true",
                     help="where another runner serves this data folder, wait for its end and take its place at once")


def carry_out(options: argparse.Namespace) -> int:
    """Serve until stopped."""
    from runner.serve import serve

    places = locations()
    return serve(open_store(places.store_url), places, options.stand_by)
