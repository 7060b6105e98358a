"""Filter and sort answers by tier, topic, outcome and text. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from store.metrics import METRICS
from store.queries import AnswerPair

OUTCOMES = ("all", "worse", "better", "same", "missing")
ANY = "all"


@dataclass(frozen=True)
class AnswerFilter:
    """Filter values of the page; ANY matches everything."""

    tier: str = ANY
    topic: str = ANY
    outcome: str = ANY
    text: str = ""


def outcome(pair: AnswerPair, metric: str) -> str:
    """The outcome of a pair by one metric: better, worse, same (within the metric's tie band) or missing."""
    difference = pair.change(metric)
    if difference is None:
        return "missing"
    measure = METRICS.get(metric)
    gain = difference * (measure.better if measure else 1)
    band = measure.tie_band if measure else 0.0
    return "better" if gain > band else "worse" if gain < -band else "same"


def filter_answers(pairs: Sequence[AnswerPair], choice: AnswerFilter, metric: str) -> list[AnswerPair]:
    """The pairs that match every filter, worst change first, unscored pairs last."""
    matching = [pair for pair in pairs if _matches(pair, choice, metric)]
    measure = METRICS.get(metric)
    better = measure.better if measure else 1

    def rank(pair: AnswerPair) -> tuple[bool, float, float, str]:
        difference, (_, after) = pair.change(metric), pair.scores.get(metric, (None, None))
        return difference is None, (difference or 0.0) * better, (after or 0.0) * better, pair.question
    return sorted(matching, key=rank)


def counts(pairs: Sequence[AnswerPair], metric: str) -> Counter[str]:
    """Number of pairs by outcome."""
    return Counter(outcome(pair, metric) for pair in pairs)


def metrics_of(pairs: Sequence[AnswerPair], headline: str) -> list[str]:
    """The metrics that any pair was scored by, the headline first."""
    present = {metric for pair in pairs for metric in pair.scores}
    return sorted(present, key=lambda name: (name != headline, list(METRICS).index(name) if name in METRICS else 99))


def _matches(pair: AnswerPair, choice: AnswerFilter, metric: str) -> bool:
    texts = (pair.text, pair.baseline, pair.tuned, pair.reference, pair.title)
    return (choice.tier in (ANY, pair.tier) and choice.topic in (ANY, pair.topic)
            and choice.outcome in (ANY, outcome(pair, metric))
            and (not choice.text or any(choice.text.casefold() in (body or "").casefold() for body in texts)))
