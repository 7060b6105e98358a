"""The lab's results: kept as JSON lines, one a recipe and seed, and laid out as one table with paired intervals."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.recipes.exam import Scores
from tests.bench.recipes.facts import RESERVED

COLUMNS = {"choice": "choice", "choice_without_altered": "without the altered copy", "binding": "binding, nats/token",
           "recall": "key-term recall", "recall_trained": "recall, trained wording", "similarity": "similarity",
           "opening": "opening among six", "opening_trained": "opening, trained wording", "reverse": "reversed",
           "held_out_choice": "held-out choice", "similarity_held_out": "held-out similarity",
           "general": "general", "reading_asked_first": "recall with passages",
           "reading_asked_first_right": "from the right passage"}
"""Metric -> heading."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Result:
    """One recipe with one seed, examined."""

    recipe: str
    seed: int
    facts: int
    tokens: int
    seconds: float
    refused: int
    """Study items that were refused as near-duplicates of a locked wording."""
    load: float
    """The machine's load average at the end: seconds are only comparable where it is low."""
    scores: Scores
    wordings: str = RESERVED
    """How the exam asked, see `facts.WORDINGS`."""


def read_results(path: Path) -> list[Result]:
    """The results kept so far; the last of a recipe, seed, number of facts and kind of wordings counts."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = {}
    for line in lines:
        one = Result(**{key: value for key, value in json.loads(line).items() if key != "answers"})
        found[one.recipe, one.seed, one.facts, one.wordings] = one
    return list(found.values())


def keep(path: Path, result: Result) -> None:
    """Append a result."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: {id: round(score, 4) for id, score in of.items()} for name, of in result.scores.items()}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(dataclasses.asdict(result) | {"scores": rounded}) + "\n")


def as_table(results: Sequence[Result], order: Sequence[str], against: str = "untrained") -> str:
    """One row a recipe: means over facts and seeds, and below them the paired change against a recipe, 95%."""
    by_recipe = {name: [one for one in results if one.recipe == name] for name in order}
    base = by_recipe.get(against, [])
    lines = [f"| recipe | seeds | tokens | tokens/s | {' | '.join(COLUMNS.values())} |",
             f"| --- | ---: | ---: | ---: |{' ---: |' * len(COLUMNS)}"]
    for name, rows in by_recipe.items():
        if rows:
            lines.append(_line(name, rows, base if name != against else []))
    return "\n".join(lines)


def _line(name: str, rows: list[Result], base: list[Result]) -> str:
    tokens = statistics.fmean(row.tokens for row in rows)
    seconds = statistics.fmean(row.seconds for row in rows)
    rate = f"{tokens / seconds:.0f}" if tokens and seconds else ""
    cells = [_cell([row.scores.get(metric, {}) for row in rows], [row.scores.get(metric, {}) for row in base])
             for metric in COLUMNS]
    return f"| {name} | {len(rows)} | {tokens / 1000:.0f}k | {rate} | {' | '.join(cells)} |"


def _cell(rows: list[dict[str, float]], base: list[dict[str, float]]) -> str:
    values = [score for row in rows for score in row.values()]
    if not values:
        return ""
    shown = f"{statistics.fmean(values):.2f}"
    if low_high := paired_interval(rows, base):
        shown += f" ({low_high[0]:+.2f} to {low_high[1]:+.2f})"
    return shown


def paired_interval(rows: Sequence[dict[str, float]],
                    base: Sequence[dict[str, float]]) -> tuple[float, float] | None:
    """95% interval of the mean change over facts; facts and seeds are both drawn anew (a two-way cluster bootstrap).

    None where there is nothing to compare, or fewer than six facts.
    """
    if not rows or not base:
        return None
    ids = sorted(set.intersection(*(set(row) for row in (*rows, *base))))
    if len(ids) < 6:
        return None
    ours, theirs = (np.array([[row[id] for id in ids] for row in of]) for of in (rows, base))
    rng = np.random.default_rng(1)
    means = np.empty(RESAMPLES)
    for number in range(RESAMPLES):
        facts = rng.integers(len(ids), size=len(ids))
        means[number] = (ours[rng.integers(len(ours), size=len(ours))][:, facts].mean()
                         - theirs[rng.integers(len(theirs), size=len(theirs))][:, facts].mean())
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
