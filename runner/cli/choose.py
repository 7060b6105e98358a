"""`choose`: choose the settings of a group on its development questions, then let them answer its test, once."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from runner.errors import UserError
from store import formatting, queries
from store.analysis.settings_choice import CannotChoose, Choice, choose_settings
from store.commands import open_test
from store.database import Store, open_for_reading, open_store
from store.paths import default_paths
from store.program_name import NAME
from store.queries.openings_of_test import openings_of_test, openings_sentence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The group, and what to do."""
    parser.add_argument("group", help="name of a group whose runs have development questions")
    parser.add_argument("--dry-run", action="store_true", help="print the choice, and leave the test unanswered")
    parser.add_argument("--json", action="store_true", help="print one JSON object, last")


def run(args: argparse.Namespace) -> int:
    """Print every combination's development score and the choice; then execute the chosen runs' test and print it."""
    paths = default_paths()
    store = open_for_reading(paths.store_url) if args.dry_run else open_store(paths.store_url)
    try:
        choice = choose_settings(store, args.group)
    except CannotChoose as error:
        raise UserError(str(error)) from error
    out = sys.stderr if args.json else sys.stdout
    print(*_lines(choice), sep="\n", file=out, flush=True)
    code = 0
    if not args.dry_run:
        from runner.cli.foreground import runs_in_foreground

        open_test(store, choice.chosen.run_ids, choice.other_ids, choice.event(args.group))
        code = runs_in_foreground(store, paths, [best.run for best in choice.chosen.kept], args.json)
        if not args.json:
            print(*_after(store, args.group, choice), sep="\n")
    if args.json:
        print(json.dumps(_as_json(store, args.group, choice, args.dry_run)))
    return code


def _lines(choice: Choice) -> list[str]:
    lines = [f"{'settings':48} {'runs':>4}  {choice.metric} on the development questions"]
    lines += [f"{one.combination.label:48} {len(one.kept):>4}  {formatting.number(one.value, 3)}"
              + ("  chosen" if one is choice.chosen else "") for one in choice.all]
    return [*lines, choice.sentence() + (" It was chosen before and stands." if choice.made_before else "")]


def _after(store: Store, group: str, choice: Choice) -> list[str]:
    """Return the chosen combination's result on the test, how often the test was answered, and what to export."""
    from runner.cli.group_result import combination_lines

    best = choice.best_run
    return ["", *combination_lines(store, group, choice.chosen.combination.label), *_openings(store, best.run),
            f"Best of its seeds on the development questions: {NAME} export {best.run}"]


def _openings(store: Store, run: str) -> list[str]:
    found = queries.find_run(store, run)
    return [sentence] if found and (sentence := openings_sentence(openings_of_test(store, found), found.config)) else []


def _as_json(store: Store, group: str, choice: Choice, dry: bool) -> dict[str, Any]:
    from runner.cli.group_result import combination_json

    found = queries.find_run(store, choice.best_run.run)
    return {"group": group, "chosen": choice.chosen.combination.label, "metric": choice.metric,
            "made_before": choice.made_before, "sentence": choice.sentence(),
            "candidates": [{"settings": one.combination.label, "value": one.value, "runs": len(one.kept)}
                           for one in choice.all],
            "export": choice.best_run.run, "test_openings": openings_of_test(store, found) if found else 0,
            "result": None if dry else combination_json(store, group, choice.chosen.combination.label)}
