"""`compare`: runs or cycles side by side, with paired statistics if they answered the same test."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence

from runner.cli.group_result import group_json, group_lines
from runner.errors import UserError
from store import formatting, queries
from store.analysis.run_comparison import (
    ComparedRun, NotComparable, PairedComparison, compare_pairwise, differences, side,
)
from store.database import Store, open_for_reading
from store.paths import default_paths
from store.program_name import NAME
from store.queries import ChangeRow
from store.queries.openings_of_test import NO_WINNER, openings_of_test, openings_sentence
from store.statistics import PairedChange

_HEAD = f"{'metric':18} {'before':>7} {'after':>7} {'change':>7}  {'95% interval':16} {'n':>5}    verdict"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs or cycles, and the output format."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="RUN (its last cycle) or RUN:CYCLE; two or more")
    parser.add_argument("--group", metavar="NAME", help="a group of runs instead: each combination of settings, over "
                                                        "questions and seeds")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the differing settings, all results, and each run paired with the first on the same questions."""
    store = open_for_reading(default_paths().store_url)
    if bool(args.group) == bool(args.runs):
        raise UserError("name two or more runs, or one group with --group NAME")
    if args.group:
        print(json.dumps(group_json(store, args.group)) if args.json else "\n".join(group_lines(store, args.group)))
        return 0
    sides = [side_of(store, name) for name in args.runs]
    labels = [one.label for one in sides]
    if len(set(labels)) < 2 or len(set(labels)) < len(labels):
        raise UserError(f"name two or more different runs or cycles: {NAME} compare RUN RUN, or RUN:1 RUN:2")
    runs = list({one.run.id: one.run for one in sides}.values())
    paired, refused = compare_pairwise(sides[0], sides[1:])
    if args.json:
        print(json.dumps(_as_json(store, sides, differences(runs), paired, refused)))
    else:
        print("\n".join([*_configuration(differences(runs)), *_results(sides), *_openings(store, sides),
                         *_paired(paired, refused)]))
    return 0


def side_of(store: Store, name: str) -> ComparedRun:
    """Read `RUN` (its last cycle) or `RUN:CYCLE`.

    Raises:
        UserError: there is no such run or cycle, or it has no results yet.
    """
    run_id, _, typed = name.partition(":")
    run = queries.find_run(store, run_id)
    if run is None:
        raise UserError(f"no run {run_id!r}: list them with '{NAME} status'")
    cycles = sorted({row.cycle for row in queries.changes_of(store, run_id)})
    if not cycles:
        raise UserError(f"run {run_id} has no results yet: it is {run.work}")
    if typed and (not typed.isdecimal() or int(typed) not in cycles):
        raise UserError(f"{name!r}: run {run_id} has results of cycle {', '.join(map(str, cycles))}")
    return side(store, run, int(typed) if typed else cycles[-1])


def _as_json(store: Store, sides: Sequence[ComparedRun], unlike: list[dict[str, str]],
             paired: Sequence[PairedComparison], refused: Sequence[NotComparable]) -> dict[str, object]:
    return {
        "cycles": [{"run": one.run.id, "name": one.run.name, "cycle": one.cycle, "verdict": _verdict(one),
                    "held_out_hash": one.run.held_out_hash, "test_openings": openings_of_test(store, one.run),
                    "headline": one.run.config.headline,
                    "changes": [dataclasses.asdict(row) for row in one.changes if not row.topic]} for one in sides],
        "differences": unlike,
        "paired": [dataclasses.asdict(row) for row in paired],
        "refused": [dataclasses.asdict(row) for row in refused],
        "best": None, "best_refused": NO_WINNER,
    }


def _verdict(one: ComparedRun) -> str | None:
    """Return the verdict by the headline metric of this run."""
    return next((row.verdict for row in one.changes
                 if (row.tier, row.metric) == (one.run.config.headline_tier, one.run.config.headline)
                 and not row.topic), None)


def _configuration(unlike: Sequence[dict[str, str]]) -> list[str]:
    if not unlike:
        return ["The configurations are equal."]
    return ["Differing settings:"] + [
        f"  {row['setting']}: " + "; ".join(f"{name} = {value}" for name, value in row.items() if name != "setting")
        for row in unlike]


def _results(sides: Sequence[ComparedRun]) -> list[str]:
    lines = ["", "Headline test, baseline and fine-tuned:", f"  {'run and cycle':32} {_HEAD}"]
    for one in sides:
        lines += [f"  {one.label:32} {_numbers(row.metric, row, row.verdict)}" for row in one.changes
                  if row.tier == one.run.config.headline_tier and not row.topic]
    return lines


def _openings(store: Store, sides: Sequence[ComparedRun]) -> list[str]:
    """Say how often each of the tests was answered by any tuned student of this store."""
    lines = []
    for test in dict.fromkeys(one.run.held_out_hash for one in sides):
        of_test = [one for one in sides if one.run.held_out_hash == test]
        if sentence := openings_sentence(openings_of_test(store, of_test[0].run), of_test[0].run.config):
            lines += ["", *(f"  {one.label}" for one in of_test), sentence, *([NO_WINNER] if len(of_test) > 1 else [])]
    return lines


def _paired(paired: Sequence[PairedComparison], refused: Sequence[NotComparable]) -> list[str]:
    lines = [""]
    if paired:
        lines += [f"Head-to-head vs. {paired[0].one} (before), on the same questions:",
                  f"  {'run and cycle':32} {_HEAD}"]
    for row in paired:
        corrected = "" if row.adjusted_p is None else f" (adjusted p {formatting.p_value(row.adjusted_p)})"
        lines.append(f"  {row.other:32} {_numbers(row.metric, row.found, row.verdict)}{corrected}")
    return lines + [f"{row.other} vs. {row.one}{f' by {row.metric}' if row.metric else ''}: not paired, because "
                    f"{row.reason}." for row in refused]


def _numbers(metric: str, row: ChangeRow | PairedChange, verdict: str) -> str:
    return (f"{metric:18} {formatting.number(row.baseline, 3):>7} {formatting.number(row.tuned, 3):>7} "
            f"{formatting.change(row.change, 3):>7}  {formatting.interval(row.low, row.high):16} "
            f"{row.scored:>3}/{row.asked:<3}  {verdict}")
