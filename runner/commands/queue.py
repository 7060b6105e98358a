"""`queue`: what waits, in the order in which it will be taken up, and another order where one is wanted."""

from __future__ import annotations

import argparse
import json

from runner.commands.bad_input import BadInput
from store import commands, queries
from store.database import NoStoreYet, open_for_reading, open_store
from store.locations import locations


def options(one: argparse.ArgumentParser) -> None:
    """Which run is moved, and where to."""
    one.add_argument("--move", metavar="RUN", help="a waiting run to move")
    one.add_argument("--to-front", action="store_true", help="before all that wait now")
    one.add_argument("--priority", type=int, metavar="N", help="to this priority: higher goes first (default 0)")
    one.add_argument("--json", action="store_true", help="print one JSON list")


def carry_out(options: argparse.Namespace) -> int:
    """Move a run where one is named; then show the queue."""
    if options.move and options.to_front == (options.priority is not None):
        raise BadInput("say where to: either --to-front or --priority N")
    if not options.move and (options.to_front or options.priority is not None):
        raise BadInput("say which run: --move RUN")
    try:
        store = open_for_reading(locations().store_url)
    except NoStoreYet:
        print("[]" if options.json else "nothing waits")
        return 0
    if options.move:
        commands.prioritise(open_store(locations().store_url), options.move, options.priority)
    waiting = queries.queue(store)
    if options.json:
        print(json.dumps([{"position": at, "run": run.id, "priority": run.priority, "work": run.work, "name": run.name}
                          for at, run in enumerate(waiting, 1)]))
        return 0
    for at, run in enumerate(waiting, 1):
        print(f"{at:3}  {run.id}  priority {run.priority}  {run.work:7}  {run.name}".rstrip())
    if not waiting:
        print("nothing waits")
    return 0
