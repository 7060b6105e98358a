"""What the student knows of each cycle's facts, cycle by cycle. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.queries import AnswerPair


@dataclass(frozen=True)
class KnowledgeOfCycle:
    """The facts that one cycle taught, and their mean score after each cycle."""

    taught_in: int
    facts: int
    means: tuple[tuple[int, float], ...]
    """(cycle, mean score of the fine-tuned student); cycle 0 is the untrained student."""


def knowledge_by_cycle(pairs: Sequence[AnswerPair], metric: str) -> list[KnowledgeOfCycle]:
    """Return one entry per cycle that taught facts of the test; questions without a score are left out of the means.

    Args:
        pairs: answers of every cycle of a run.
    """
    taught: dict[str, int] = {}
    for pair in sorted(pairs, key=lambda pair: pair.cycle):
        if pair.tier == "practice":
            taught.setdefault(pair.passage_id, pair.cycle)
    scores: dict[int, dict[int, list[float]]] = {}
    facts: dict[int, set[str]] = {}
    for pair in pairs:
        if pair.tier != "paraphrase" or pair.passage_id not in taught:
            continue
        taught_in, (before, after) = taught[pair.passage_id], pair.scores.get(metric, (None, None))
        facts.setdefault(taught_in, set()).add(pair.passage_id)
        by_cycle = scores.setdefault(taught_in, {})
        if pair.cycle == 1 and before is not None:
            by_cycle.setdefault(0, []).append(before)
        if after is not None:
            by_cycle.setdefault(pair.cycle, []).append(after)
    return [KnowledgeOfCycle(cycle, len(facts[cycle]), tuple(
        (at, sum(values) / len(values)) for at, values in sorted(scores[cycle].items())))
        for cycle in sorted(scores)]
