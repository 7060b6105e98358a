"""Filter and sort answers by tier, topic, outcome and text. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from store.metrics import METRICS
from store.queries import AnswerPair
from store.queries.answer_list import ListedAnswer

OUTCOMES = ("all", "worse", "better", "same", "missing")
ANY = "all"
_CONTINUOUS = ("answer_similarity", "reference_nll")
"""By which ties are sorted; the first one that was scored."""
Answered = TypeVar("Answered", AnswerPair, ListedAnswer)


@dataclass(frozen=True)
class AnswerFilter:
    """Filter values of the page; ANY matches everything."""

    tier: str = ANY
    topic: str = ANY
    outcome: str = ANY
    text: str = ""


def outcome(pair: AnswerPair | ListedAnswer, metric: str) -> str:
    """The outcome of a pair by one metric: better, worse, same (within the metric's tie band) or missing."""
    gain, measure = _gain(pair, metric), METRICS.get(metric)
    if gain is None:
        return "missing"
    band = measure.tie_band if measure else 0.0
    return "better" if gain > band else "worse" if gain < -band else "same"


def ranked_by(metric: str) -> tuple[str, ...]:
    """The metrics whose scores the order of the questions depends on."""
    return metric, *(name for name in _CONTINUOUS if name != metric)


def filter_answers(pairs: Sequence[Answered], choice: AnswerFilter, metric: str) -> list[Answered]:
    """The pairs that match every filter, worst change first, unscored pairs last.

    Most changes of a metric that is right or wrong are ties: these are sorted by the change of a continuous metric.
    """
    first, *others = ranked_by(metric)

    def rank(pair: Answered) -> tuple[bool, float, float, str]:
        gain, ties = _gain(pair, first), (_gain(pair, name) for name in others)
        return gain is None, gain or 0.0, next((found for found in ties if found is not None), 0.0), pair.question
    return sorted(matching(pairs, choice, metric), key=rank)


def matching(pairs: Sequence[Answered], choice: AnswerFilter, metric: str) -> list[Answered]:
    """The pairs that match every filter, in the order in which they are given."""
    return [pair for pair in pairs if _matches(pair, choice, metric)]


def _gain(pair: AnswerPair | ListedAnswer, metric: str) -> float | None:
    """The change of one metric, with the sign at which more is better."""
    difference, measure = pair.change(metric), METRICS.get(metric)
    return None if difference is None else difference * (measure.better if measure else 1)


def counts(pairs: Sequence[AnswerPair] | Sequence[ListedAnswer], metric: str) -> Counter[str]:
    """Number of pairs by outcome."""
    return Counter(outcome(pair, metric) for pair in pairs)


def in_order(metrics: Iterable[str], headline: str) -> list[str]:
    """Metrics in the order in which they are offered, the headline first."""
    return sorted(metrics, key=lambda name: (name != headline, list(METRICS).index(name) if name in METRICS else 99))


def _matches(pair: AnswerPair | ListedAnswer, choice: AnswerFilter, metric: str) -> bool:
    texts = (pair.text, pair.baseline, pair.tuned, pair.reference, pair.title)
    return (choice.tier in (ANY, pair.tier) and choice.topic in (ANY, pair.topic)
            and (choice.outcome == ANY or choice.outcome == outcome(pair, metric))
            and (not choice.text or any(choice.text.casefold() in (body or "").casefold() for body in texts)))
