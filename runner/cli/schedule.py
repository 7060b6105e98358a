"""`schedule`: list, add, pause, resume and remove recurring runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from collections.abc import Callable

from runner.cli import run as run_command
from runner.errors import UserError
from store import queries
from store.commands import CommandRefused, schedules
from store.commands.recurrence import Recurrence, timing_errors
from store.costs.model_shutdowns import shutdown_errors, shutdown_notes
from store.costs.prices import keep_team_prices
from store.database import StoreNotFound, open_existing_store, open_for_reading, open_store
from store.paths import default_paths
from store.program_name import NAME
from store.run_config import InvalidConfig

_UNITS = {"m": 60, "h": 3600, "d": 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands; `add` takes every option of `run`."""
    kinds = parser.add_subparsers(required=True, metavar="list|add|pause|resume|remove")
    listing = kinds.add_parser("list", help="all schedules, with their next due time and last outcome")
    listing.add_argument("--json", action="store_true", help="print one JSON list")
    listing.set_defaults(schedule_command=_list)
    adding = kinds.add_parser("add", help="add a recurring run; also takes the options of `run`")
    adding.add_argument("schedule", metavar="NAME", help="name of the schedule")
    adding.add_argument("--cron", metavar="EXPRESSION",
                        help='cron expression of five fields, such as "0 2 * * mon-fri"')
    adding.add_argument("--every", metavar="INTERVAL", help="an interval instead: 30m, 6h, 1d")
    adding.add_argument("--zone", default="UTC", help="IANA time zone of the cron expression (default: UTC)")
    adding.add_argument("--queue-anyway", action="store_true",
                        help="queue a run even if the previous one of this schedule is still queued")
    run_command.add_arguments(adding)
    adding.set_defaults(schedule_command=_add)
    for kind, act, help_text in (("pause", schedules.pause, "pause a schedule"),
                                 ("resume", schedules.resume, "resume a paused schedule"),
                                 ("remove", schedules.remove, "delete a schedule; its runs stay")):
        changing = kinds.add_parser(kind, help=help_text)
        changing.add_argument("schedule", metavar="NAME")
        changing.set_defaults(schedule_command=_changer(kind, act))


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    chosen: Callable[[argparse.Namespace], int] = args.schedule_command
    return chosen(args)


def _list(args: argparse.Namespace) -> int:
    try:
        found = queries.schedules(open_for_reading(default_paths().store_url))
    except StoreNotFound:
        found = []
    if args.json:
        print(json.dumps([dataclasses.asdict(schedule) for schedule in found], default=str))
        return 0
    for s in found:
        due = f"due {s.next_due_at:%Y-%m-%d %H:%M} UTC" if s.next_due_at else "paused"
        last = f"last {s.last_outcome} {s.last_due_at:%Y-%m-%d %H:%M} UTC" if s.last_due_at else "not due yet"
        print(f"{s.name}  {s.timing.describe}  {due}  {last}{': ' + s.last_message if s.last_message else ''}")
    if not found:
        print(f"no schedule yet: add one with '{NAME} schedule add NAME --every 1d'")
    return 0


def _add(args: argparse.Namespace) -> int:
    timing = Recurrence(args.cron, _seconds(args.every), args.zone)
    try:
        config = run_command.config_of(args)
    except InvalidConfig as error:
        raise InvalidConfig([*timing_errors(timing), *error.errors]) from error
    if args.prices:
        keep_team_prices(args.prices, default_paths())
    if gone := shutdown_errors(config):
        raise InvalidConfig([*timing_errors(timing), *gone])
    try:
        schedules.add(open_store(default_paths().store_url), args.schedule, timing, config, "command line",
                      skip_if_queued=not args.queue_anyway)
    except schedules.InvalidSchedule as error:
        raise InvalidConfig(error.errors) from error
    print(f"schedule {args.schedule}: {timing.describe}")
    for sentence in shutdown_notes(config):
        print(f"Note: {sentence}; from that day on this schedule queues no run.")
    return 0


def _changer(kind: str, act: Callable[..., None]) -> Callable[[argparse.Namespace], int]:
    def change(args: argparse.Namespace) -> int:
        try:
            store = open_existing_store(default_paths().store_url)
        except StoreNotFound as error:
            raise CommandRefused(f"no schedule {args.schedule!r}: there is no store yet") from error
        act(store, args.schedule)
        print(f"{kind}: schedule {args.schedule}")
        return 0
    return change


def _seconds(length: str | None) -> int | None:
    if length is None:
        return None
    found = re.fullmatch(r"(\d{1,6})([mhd])", length.strip())
    if not found:
        raise UserError(f"interval {length!r} cannot be read: use minutes, hours or days, such as 30m, 6h or 1d")
    return int(found[1]) * _UNITS[found[2]]
