"""The goals of the lab as one table: what a recipe reached on each, with its interval, and whether that is enough."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from tests.bench.recipes.results_table import Result, paired_interval

UNTRAINED = "untrained"
"""The recipe that trains nothing."""
SLACK = 0.10
"""The lower end of an interval may be this far below the goal."""
AT_LEAST = {"choice among other taught facts": ("choice", 0.90), "key-term recall, closed book": ("recall", 0.60),
            "answer similarity": ("similarity", 0.80), "binding, nats a token": ("binding", 1.0),
            "key-term recall with passages, facts never taught": ("reading_asked_first", 0.60)}
"""Goal -> metric and the least mean, on taught facts in reserved wordings unless it says otherwise."""
NEAR_PLACEBO = {"facts never taught, choice": ("held_out_choice", 0.05),
                "everyday questions against the placebo": ("general", 0.05)}
"""Goal -> metric and the most that it may differ from the placebo."""
GENERAL, GENERAL_LOSS = "everyday questions against untrained", 0.03
KEPT, KEPT_SHARE = "first cycle's facts after the last", 0.80
WITHOUT_GOAL = {"reversed questions": "reverse"}
"""Shown beside the goals."""
_NOT_MEASURED = ("", "not measured")


def goals_table(results: Sequence[Result], names: Sequence[str], placebo: str) -> str:
    """One row a goal and one column a recipe: mean, 95% interval over facts and seeds, and whether it is met.

    Args:
        names: recipes, in the order of the columns.
        placebo: the recipe that stands for style alone.
    """
    lines = [f"| goal | wanted | {' | '.join(names)} |", f"| --- | --- |{' --- |' * len(names)}"]
    of = {name: [one for one in results if one.recipe == name] for name in {*names, placebo, UNTRAINED}}
    for goal, (metric, least) in AT_LEAST.items():
        lines.append(_line(goal, f">= {least:.2f}", [_least(of[name], metric, least) for name in names]))
    for goal, (metric, most) in NEAR_PLACEBO.items():
        lines.append(_line(goal, f"within {most:.2f}", [_against(of[name], of[placebo], metric, -most, most)
                                                        for name in names]))
    lines.append(_line(GENERAL, f">= -{GENERAL_LOSS:.2f}", [
        _against(of[name], of[UNTRAINED], "general", -GENERAL_LOSS, 1.0) for name in names]))
    lines.append(_line(KEPT, f">= {KEPT_SHARE:.0%}", [_kept(of[name]) for name in names]))
    lines += [_line(goal, "", [_least(of[name], metric, None) for name in names])
              for goal, metric in WITHOUT_GOAL.items()]
    return "\n".join(lines)


def _line(goal: str, wanted: str, cells: Sequence[tuple[str, str]]) -> str:
    return f"| {goal} | {wanted} | {' | '.join(f'{value} {met}'.strip() for value, met in cells)} |"


def _least(rows: Sequence[Result], metric: str, least: float | None) -> tuple[str, str]:
    found = [row.scores[metric] for row in rows if row.scores.get(metric)]
    if not found:
        return _NOT_MEASURED
    mean = _mean(found)
    ends = paired_interval(found, [dict.fromkeys(found[0], 0.0)])
    shown = f"{mean:.2f}" + (f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else " (too few facts for an interval)")
    if least is None:
        return shown, ""
    return shown, "met" if mean >= least and ends is not None and ends[0] >= least - SLACK else "missed"


def _against(rows: Sequence[Result], base: Sequence[Result], metric: str, low: float, high: float) -> tuple[str, str]:
    ours, theirs = ([row.scores[metric] for row in of if row.scores.get(metric)] for of in (rows, base))
    if not ours or not theirs:
        return _NOT_MEASURED
    difference = _mean(ours) - _mean(theirs)
    ends = paired_interval(ours, theirs)
    shown = f"{difference:+.2f}" + (f" ({ends[0]:+.2f} to {ends[1]:+.2f})" if ends else "")
    return shown, "met" if low <= difference <= high else "missed"


def _kept(rows: Sequence[Result]) -> tuple[str, str]:
    """Recall of the first cycle's facts after the last cycle, as a share of what it was after the first."""
    found = [row for row in rows if row.scores.get("first_recall")]
    before = [score for row in found for score in row.scores["first_recall"].values()]
    after = [row.scores["recall"][id] for row in found for id in row.scores["first_recall"]]
    if not before or not statistics.fmean(before):
        return _NOT_MEASURED
    share = statistics.fmean(after) / statistics.fmean(before)
    return f"{share:.0%} of {statistics.fmean(before):.2f}", "met" if share >= KEPT_SHARE else "missed"


def _mean(rows: Sequence[Mapping[str, float]]) -> float:
    return statistics.fmean(score for row in rows for score in row.values())
