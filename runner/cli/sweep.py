"""`sweep`: queue a group of runs that differ in seeds and settings. `run --seeds` queues one and executes it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

from runner.cli import run as run_command
from runner.errors import UserError
from store import queries
from store.analysis.launch_forecast import forecast_of_runs, forecast_sentence, longest_first
from store.commands import QueuedGroup, launch_group
from store.config_metadata import settings_of
from store.database import Store, StoreNotFound, open_for_reading, open_store
from store.paths import default_paths
from store.program_name import NAME
from store.run_config import OFFLINE_TEACHER, InvalidConfig, RunConfig
from store.sweep import SweepPlan, plan_runs, seeds_from, shown, takes_several, values_from, without_seeds

_PLAN_ROWS = 30
"""Most runs that the plan lists by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Every setting of a run, of which those that may vary take several values; seeds, group, and a dry run."""
    run_command.add_arguments(parser, several=True)
    run_command.add_seed_arguments(parser, "training seeds: how many (3), a range (1-20) or a list (1,5,9)")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, and queue nothing")


def run(args: argparse.Namespace) -> int:
    """Print the plan with its time and cost, then queue its runs unless it is a dry run."""
    varied = _varied(args)
    if not args.seeds and all(len(values) < 2 for values in varied.values()):
        raise UserError("nothing varies: give --seeds, or several values of a setting, such as "
                        "--learning-rate 1e-4,1e-3")
    plan = _plan(args, varied)
    queued = _print_and_queue(args, plan)
    if args.json:
        print(json.dumps(_as_json(plan, queued)))
    elif queued:
        print(f"queued {len(queued.runs) - len(queued.known)}"
              + (f", {len(queued.known)} were in the group already" if queued.known else "")
              + f"; execute them: {NAME} serve. Result: {NAME} compare --group {plan.group}")
    else:
        print("dry run: nothing was queued")
    return 0


def run_seeds(args: argparse.Namespace) -> int:
    """Queue one run for each seed and execute them in the foreground, one after the other, then print the result."""
    plan = _plan(args, {})
    queued = _print_and_queue(args, plan)
    assert queued is not None
    if len(queued.known) == len(queued.runs):
        print(f"group {plan.group} has these runs already; name another --group to run them anew",
              file=sys.stderr if args.json else sys.stdout)
    from runner.cli.foreground import EXIT_INTERRUPTED, runs_in_foreground

    paths = default_paths()
    store = open_store(paths.store_url)
    code = runs_in_foreground(store, paths, queued.runs, args.json)
    if code == EXIT_INTERRUPTED:
        print(f"the other runs of the group stay queued: {NAME} serve executes them", file=sys.stderr)
        return code
    from runner.cli.group_result import group_json, group_lines

    print(json.dumps(group_json(store, plan.group)) if args.json else "\n".join(group_lines(store, plan.group)))
    return code


def _varied(args: argparse.Namespace) -> dict[str, tuple[Any, ...]]:
    """Return the values of the settings that take several, from flags and from `--set`."""
    settings = {setting.name: setting for setting in settings_of(RunConfig) if setting.name != "preset"
                and takes_several(setting)}
    found = {name: value for name, value in vars(args).items() if name in settings and isinstance(value, tuple)}
    given = [text.partition("=") for text in args.more]
    return found | {name: values_from(settings[name], value) for name, _, value in given if name in settings}


def _plan(args: argparse.Namespace, varied: Mapping[str, tuple[Any, ...]]) -> SweepPlan:
    single = argparse.Namespace(**vars(args) | dict.fromkeys(varied))
    single.more = [text for text in args.more if text.partition("=")[0] not in varied]
    base = run_command.config_of(single, {name: values[0] for name, values in varied.items() if values})
    if base.training_seed is not None:
        raise InvalidConfig([f"training_seed {base.training_seed} decides one run alone: use --seeds for several"])
    if args.seeds_draw and not args.seeds:
        raise UserError("--seeds-draw says how the seeds differ: add --seeds")
    seeds = seeds_from(args.seeds, base.seed) if args.seeds else (base.seed,)
    return _longest_first(plan_runs(lambda point: run_command.config_of(single, point), varied, seeds, args.seeds_draw,
                                    args.group))


def _longest_first(plan: SweepPlan) -> SweepPlan:
    """Order the runs of a plan by how long past runs say that they take."""
    store = _store_for(dry=True)
    if store is None:
        return plan
    try:
        return dataclasses.replace(plan, configs=longest_first(plan.configs, queries.past_stages(store)))
    finally:
        store.close()


def _print_and_queue(args: argparse.Namespace, plan: SweepPlan) -> QueuedGroup | None:
    """Check and print the plan; queue its runs, unless it is a dry run."""
    paths = default_paths()
    once = {without_seeds(config): config for config in plan.configs}
    run_command.check_before_launch(list(once.values()), args.prices, paths, len(plan.configs))
    dry = getattr(args, "dry_run", False)
    store = _store_for(dry)
    out = sys.stderr if args.json else sys.stdout
    print(*plan.sentences(), *_expectations(store, plan), sep="\n", file=out, flush=True)
    if dry:
        print(*_rows(plan), sep="\n", file=out)
        return None
    assert store is not None
    return launch_group(store, plan.configs, plan.group, "command line")


def _store_for(dry: bool) -> Store | None:
    """Open the store; a dry run creates none."""
    url = default_paths().store_url
    if not dry:
        return open_store(url)
    try:
        return open_for_reading(url)
    except StoreNotFound:
        return None


def _expectations(store: Store | None, plan: SweepPlan) -> list[str]:
    """Say what the test can see, and what all runs together will take and cost, as far as past runs tell."""
    if store is None:
        return ["Time and cost are unknown: no run of this kind has finished yet."]
    past = queries.past_stages(store)
    usage = queries.teacher_usage(store, sorted({row.run for row in past}))
    costs = {run: cost for run, used in usage.items() if (cost := used.cost_usd) is not None}
    expected = forecast_of_runs(plan.configs, past, costs)
    sentence = forecast_sentence(expected, plan.configs[0].teacher == OFFLINE_TEACHER)
    return [*run_command.launch_notes(store, plan.configs[0]),
            f"All runs, one after the other: {sentence[0].lower()}{sentence[1:]}"]


def _rows(plan: SweepPlan) -> list[str]:
    rows = [config.name for config in plan.configs[:_PLAN_ROWS]]
    left = len(plan.configs) - len(rows)
    return rows + ([f"and {left} more"] if left else [])


def _as_json(plan: SweepPlan, queued: QueuedGroup | None) -> dict[str, Any]:
    runs = queued.runs if queued else (None,) * len(plan.configs)
    return {"group": plan.group, "held_out_set": plan.configs[0].held_out_set, "queued": queued is not None,
            "varied": {name: [shown(value) for value in values] for name, values in plan.varied.items()},
            "runs": [{"run": run, "name": config.name, "known": bool(queued and run in queued.known),
                      "config": dataclasses.asdict(config)}
                     for run, config in zip(runs, plan.configs, strict=True)]}
