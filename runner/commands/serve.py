"""`serve`: the long-lived runner."""

from __future__ import annotations

import argparse

from store.database import open_store
from store.locations import locations


def options(_one: argparse.ArgumentParser) -> None:
    """None."""


def carry_out(_options: argparse.Namespace) -> int:
    """Serve until stopped."""
    from runner.serve import serve

    places = locations()
    return serve(open_store(places.store_url), places)
