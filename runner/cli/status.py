"""`status`: list all runs and whether a runner is online."""

from __future__ import annotations

import argparse
import json

from store import queries
from store.database import Store, StoreNotFound, open_for_reading
from store.paths import default_paths
from store.program_name import NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The output format."""
    parser.add_argument("--json", action="store_true", help="print one JSON list")


def run(args: argparse.Namespace) -> int:
    """List the runs; without a store the list is empty."""
    try:
        return show_runs(open_for_reading(default_paths().store_url), args.json)
    except StoreNotFound:
        print("[]" if args.json else f"no run yet: start one with '{NAME} run'")
        return 0


def show_runs(store: Store, json_output: bool) -> int:
    """Print the runs, newest first, and whether a runner is online."""
    runs = queries.all_runs(store)
    if json_output:
        print(json.dumps([{"run": run.id, "work": run.work, "verdict": run.verdict, "sentence": run.sentence,
                           "cycle": run.cycle, "stage": run.stage, "group": run.group,
                           "requested_at": run.requested_at.isoformat()}
                          for run in runs]))
        return 0
    connected = queries.connected_runners(store)
    print(f"runner: {connected[0].owner}" if connected else
          f"No runner is online: start one with '{NAME} serve'.")
    for run in runs:
        where = f"cycle {run.cycle or 0} of {run.config.cycles}, {run.stage}" if run.active and run.stage else ""
        print(f"{run.id}  {run.work:9}  {run.verdict or where or '-':18}  {run.name}")
        for batch in queries.open_batches(store, run.id) if run.active else ():
            print(f"    {batch.sentence()}")
    return 0
