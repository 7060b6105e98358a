"""`run --forecast` and `forecast`: predict what a run will measure from small runs, before it is paid for."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from runner.cli import run as run_command
from runner.errors import UserError
from store import queries
from store.analysis.gain_forecast import advice, as_json, forecast_run, forecast_sentences
from store.analysis.pilot_notes import pilot_notes
from store.commands import launch_group, register_forecast
from store.config_checks import check, range_errors
from store.database import Store, open_for_reading, open_store
from store.events import ForecastRegistered
from store.paths import default_paths
from store.pilot_runs import plan_pilots, sizes_from
from store.program_name import NAME
from store.run_config import InvalidConfig, RunConfig
from store.statistics import CannotForecast
from store.sweep import SweepPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The finished runs, and the run that is asked about."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="three or more finished runs that differ in the number "
                                                               "of training questions")
    parser.add_argument("--questions", type=int, metavar="N", help="training questions per cycle of the run that is "
                                                                   "asked about (default: ten times the largest)")
    parser.add_argument("--student", metavar="NAME", help="its student (default: that of the runs)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the forecast that finished runs give for a larger one; nothing is queued or recorded."""
    store = open_for_reading(default_paths().store_url)
    found = [queries.find_run(store, run) for run in args.runs]
    for name, one in zip(args.runs, found, strict=True):
        if one is None:
            raise UserError(f"no run {name!r}: list them with '{NAME} status'")
    pilots = [one for one in found if one is not None]
    largest = max(pilots, key=lambda one: one.config.questions).config
    wanted = {"questions": args.questions or 10 * largest.questions}
    if errors := range_errors(wanted):
        raise InvalidConfig(errors)
    config = check(dataclasses.replace(largest, questions=wanted["questions"], student=args.student or largest.student))
    forecast = _forecast(store, config, pilots, pilots[0].group)
    print(json.dumps(as_json(forecast)) if args.json else "\n".join(forecast_sentences(forecast)))
    return 0


def run_with_pilots(args: argparse.Namespace) -> int:
    """Say what the pilots cost, execute them in the foreground, and register the run with its forecast, paused."""
    from runner.cli.foreground import EXIT_INTERRUPTED, runs_in_foreground

    config, paths = run_command.config_of(args), default_paths()
    plan = plan_pilots(config, sizes_from(args.pilots) if args.pilots else None, args.group)
    run_command.check_before_launch([config, plan.configs[0]], args.prices, paths, len(plan.configs) + 1)
    store, out = open_store(paths.store_url), sys.stderr if args.json else sys.stdout
    print(*_notes(store, config, plan), sep="\n", file=out, flush=True)
    queued = launch_group(store, plan.configs, plan.group, "command line")
    code = runs_in_foreground(store, paths, queued.runs, args.json)
    if code == EXIT_INTERRUPTED:
        print("the same command continues with the pilots that are left", file=sys.stderr)
        return code
    pilots = [run for run in queries.runs_of_group(store, plan.group) if run.id in queued.runs]
    forecast = _forecast(store, config, pilots, plan.group)
    registered = register_forecast(store, config, forecast, advice(forecast), "command line")
    _print_registered(args, registered, forecast)
    return 0


def _forecast(store: Store, config: RunConfig, pilots: list[queries.Run], group: str) -> ForecastRegistered:
    try:
        return forecast_run(store, config, pilots, group)
    except CannotForecast as error:
        raise UserError(f"no forecast: {error}") from error


def _notes(store: Store, config: RunConfig, plan: SweepPlan) -> list[str]:
    past = queries.past_stages(store)
    usage = queries.teacher_usage(store, sorted({row.run for row in past}))
    costs = {run: cost for run, used in usage.items() if (cost := used.cost_usd) is not None}
    try:
        return pilot_notes(config, plan, past, costs)
    except CannotForecast as error:
        raise UserError(f"no forecast: {error}") from error


def _print_registered(args: argparse.Namespace, run: str, forecast: ForecastRegistered) -> None:
    if args.json:
        print(json.dumps({"run": run, **as_json(forecast)}))
        return
    print(*forecast_sentences(forecast), f"Registered as the forecast of run {run}, which is paused. Execute it: "
          f"{NAME} resume {run}; leave it out: {NAME} cancel {run}", sep="\n")
