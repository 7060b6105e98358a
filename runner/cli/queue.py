"""`queue`: what waits, in the order in which it will be taken up, and another order where one is wanted."""

from __future__ import annotations

import argparse
import json

from runner.errors import UserError
from store import commands, queries
from store.database import StoreNotFound, open_for_reading, open_store
from store.paths import default_paths


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which run is moved, and where to."""
    parser.add_argument("--move", metavar="RUN", help="a waiting run to move")
    parser.add_argument("--to-front", action="store_true", help="before all that wait now")
    parser.add_argument("--priority", type=int, metavar="N", help="to this priority: higher goes first (default 0)")
    parser.add_argument("--json", action="store_true", help="print one JSON list")


def run(args: argparse.Namespace) -> int:
    """Move a run where one is named; then show the queue."""
    if args.move and args.to_front == (args.priority is not None):
        raise UserError("say where to: either --to-front or --priority N")
    if not args.move and (args.to_front or args.priority is not None):
        raise UserError("say which run: --move RUN")
    try:
        store = open_for_reading(default_paths().store_url)
    except StoreNotFound:
        print("[]" if args.json else "nothing waits")
        return 0
    if args.move:
        commands.prioritise(open_store(default_paths().store_url), args.move, args.priority)
    waiting = queries.queue(store)
    if args.json:
        print(json.dumps([{"position": at, "run": run.id, "priority": run.priority, "work": run.work, "name": run.name}
                          for at, run in enumerate(waiting, 1)]))
        return 0
    for at, run in enumerate(waiting, 1):
        print(f"{at:3}  {run.id}  priority {run.priority}  {run.work:7}  {run.name}".rstrip())
    if not waiting:
        print("nothing waits")
    return 0
