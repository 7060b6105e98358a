"""Print the result of a group of runs, as text and as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from runner.errors import UserError
from store import formatting
from store.analysis.group_result import (
    BETWEEN_NOTE,
    BetweenCombinations, Combination, GroupResult, as_json, between_combinations, combination_as_json, counts,
    group_result,
)
from store.database import Store
from store.program_name import NAME
from store.statistics import ChangeOverSeeds
from store.sweep import seeds_sentence

_HEAD = (f"{'tier':10} {'metric':19} {'before':>7} {'after':>7} {'change':>7}  {'95% interval':18} {'SD seeds':>8} "
         f"{'n':>5}  verdict")


def group_json(store: Store, group: str) -> dict[str, Any]:
    """Return the object that `compare --group NAME --json` prints.

    Raises:
        UserError: no such group.
    """
    result = _result(store, group)
    return as_json(result) | {"between": [dataclasses.asdict(row) for row in _between(store, result)]}


def group_lines(store: Store, group: str) -> list[str]:
    """Return the result of every combination of settings, and each compared with the first.

    Raises:
        UserError: no such group.
    """
    result = _result(store, group)
    lines = [f"group {group}: {formatting.plural(result.runs, 'run')}, "
             f"{formatting.plural(len(result.combinations), 'combination')} of settings"]
    for one in result.combinations:
        lines += ["", *_combination(one)]
    return [*lines, *_between_lines(_between(store, result))]


def combination_lines(store: Store, group: str, label: str) -> list[str]:
    """Return the result of one combination of settings of a group."""
    return [line for one in _result(store, group).combinations if one.label == label for line in _combination(one)]


def combination_json(store: Store, group: str, label: str) -> dict[str, Any]:
    """Return the same as one JSON object."""
    result = _result(store, group)
    return next(combination_as_json(one) for one in result.combinations if one.label == label)


def _result(store: Store, group: str) -> GroupResult:
    result = group_result(store, group)
    if result is None:
        raise UserError(f"no group {group!r}: list the runs with their groups: '{NAME} status --json'")
    return result


def _combination(one: Combination) -> list[str]:
    lines = [f"{one.label}: {counts(one)}."]
    lines += [f"  left out: {left.title}: {left.reason}" for left in one.left_out]
    lines += [f"  {sentence}" for sentence in one.not_pooled]
    if not one.changes:
        return lines
    lines.append(seeds_sentence(len(one.pooled)))
    if not one.same_practice:
        lines.append("The runs practised different questions: what they drew is part of the spread between seeds.")
    lines.append(_HEAD)
    for row in one.changes:
        change = row.found.pooled
        lines.append(f"{row.tier:10} {row.metric:19} {formatting.number(change.baseline, 3):>7} "
                     f"{formatting.number(change.tuned, 3):>7} {formatting.change(change.change, 3):>7}  "
                     f"{formatting.interval(change.low, change.high):18} {formatting.number(row.found.spread, 3):>8} "
                     f"{change.scored:>2}/{change.asked:<2}  {row.verdict}")
    if headline := one.headline:
        lines.append(f"{headline.metric} on {headline.tier}, seed by seed: {seed_changes(one, headline.found)}")
    return lines


def seed_changes(one: Combination, found: ChangeOverSeeds) -> str:
    """Return each seed with its mean change, as text."""
    return ", ".join(f"{run.config.seed_of_training} {formatting.change(value, 3)}"
                     for run, value in zip(one.pooled, found.seed_changes, strict=True))


def _between(store: Store, result: GroupResult) -> list[BetweenCombinations]:
    headline = result.combinations[0].config.headline
    return between_combinations(store, result, [headline])


def _between_lines(rows: list[BetweenCombinations]) -> list[str]:
    if not rows:
        return []
    lines = ["", f"fine-tuned students compared with those of: {rows[0].one}"]
    lines += [f"{row.other:40} {row.metric:19} {formatting.change(row.found.pooled.change, 3):>7}  "
              f"{formatting.interval(row.found.pooled.low, row.found.pooled.high):18} {row.verdict}"
              + ("" if row.found.seeds_in else "  (over questions alone)") for row in rows]
    return [*lines, BETWEEN_NOTE] if len(rows) > 1 else lines
