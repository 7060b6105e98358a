"""`queue`: list queued runs in their order of execution, and change it."""

from __future__ import annotations

import argparse
import json

from runner.errors import UserError
from store import commands, queries
from store.database import StoreNotFound, open_for_reading, open_store
from store.paths import default_paths
from store.program_name import NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run to move, and where to."""
    parser.add_argument("--move", metavar="RUN", help="the queued run to move")
    parser.add_argument("--to-front", action="store_true", help="before all other queued runs")
    parser.add_argument("--priority", type=int, metavar="N",
                        help="set this priority; higher runs first (default 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON list")


def run(args: argparse.Namespace) -> int:
    """Move a run if one is given, then print the queue."""
    if args.move and args.to_front == (args.priority is not None):
        raise UserError("--move needs either --to-front or --priority N")
    if not args.move and (args.to_front or args.priority is not None):
        raise UserError("--to-front and --priority need --move RUN")
    try:
        store = open_for_reading(default_paths().store_url)
    except StoreNotFound:
        print("[]" if args.json else "no run is queued")
        return 0
    if args.move:
        commands.prioritise(open_store(default_paths().store_url), args.move, args.priority)
    waiting = queries.queue(store)
    if args.json:
        print(json.dumps([{"position": position, "run": run.id, "priority": run.priority, "work": run.work,
                           "name": run.name} for position, run in enumerate(waiting, 1)]))
        return 0
    for position, run in enumerate(waiting, 1):
        print(f"{position:3}  {run.id}  priority {run.priority}  {run.work:7}  {run.name}".rstrip())
    if not waiting:
        print("no run is queued")
    for run in queries.runs_in_review(store):
        print(f"     {run.id}  waits for a review of its questions: {NAME} dataset show {run.id}")
    return 0
