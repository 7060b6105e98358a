"""`resume`, `cancel`, `pause`: what people ask of a run that is there already."""

from __future__ import annotations

import argparse

from runner.commands.bad_input import BadInput
from store import commands, queries
from store.database import open_for_reading, open_store
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """The run that is meant."""
    one.add_argument("run", help="a run's id, as `status` shows it")


def resume_options(one: argparse.ArgumentParser) -> None:
    """The run that is meant, and how its result is printed."""
    options(one)
    one.add_argument("--json", action="store_true", help="print the result as one JSON object, last")


def resume(options: argparse.Namespace) -> int:
    """Go on with a run, in the foreground."""
    from runner.foreground import see_through

    places = locations()
    store = open_store(places.store_url)
    run = queries.run_named(store, options.run)
    if run is None:
        raise BadInput(f"no run {options.run!r}: list them with 'python -m runner status'")
    if run.work == "finished":
        raise BadInput(f"run {run.id} is finished: there is nothing to go on with")
    if not run.active:
        commands.command(store, "retry" if run.work == "failed" else "resume", run.id)
    return see_through(store, places, run.id, options.json)


def cancel(options: argparse.Namespace) -> int:
    """Ask for a run's end."""
    return _ask("cancel", options.run)


def pause(options: argparse.Namespace) -> int:
    """Ask for a run to be put aside."""
    return _ask("pause", options.run)


def _ask(kind: str, run: str) -> int:
    open_for_reading(locations().store_url).close()  # a command never makes a store
    commands.command(open_store(locations().store_url), kind, run)
    print(f"{kind}: asked for run {run}")
    return 0
