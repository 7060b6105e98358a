"""What multiple choice can be passed by without knowing anything: length, and what is likely anyhow. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from store.queries import AnswerPair
from store.statistics import wilson_interval

CHANCE = 0.25
RELEVANT = 0.05
"""A baseline is reported as a flaw of the test if its whole interval lies this far above chance."""


@dataclass(frozen=True)
class ChoiceBaseline:
    """The accuracy of a rule that picks among the four texts without knowledge of the answer."""

    rule: str
    accuracy: float
    low: float | None
    """Wilson's 95% interval, each question counted as independent."""
    high: float | None
    questions: int

    @property
    def finding(self) -> str:
        """Say in one sentence that the test can be passed by this rule; empty if it cannot be shown."""
        if self.low is None or self.low <= CHANCE + RELEVANT:
            return ""
        return (f"The multiple-choice test can be passed without knowledge: picking {self.rule} is right on "
                f"{self.accuracy:.2f} of {self.questions} questions (95% interval {self.low:.2f} to {self.high:.2f}, "
                f"chance {CHANCE}).")


def choice_baselines(pairs: Sequence[AnswerPair]) -> list[ChoiceBaseline]:
    """Return the baselines on these questions; those by likelihood only where the questions were scored so."""
    priors = [pair.scores.get("choice_prior", (None, None)) for pair in pairs]
    return baselines_of([(pair.reference, [text for _, text in pair.foils]) for pair in pairs], priors)


def baselines_of(texts: Sequence[tuple[str | None, Sequence[str]]],
                 priors: Sequence[tuple[float | None, float | None]]) -> list[ChoiceBaseline]:
    """Return the baselines of multiple choice; none without a question that has three distractors.

    Args:
        texts: each question's reference and distractors.
        priors: per question, whether the untrained and the tuned student pick the reference without the question.
    """
    choosable = [(reference, others) for reference, others in texts if reference is not None and len(others) == 3]
    if not choosable:
        return []
    found = [_baseline("the longest text", [_picked(max, reference, others) for reference, others in choosable]),
             _baseline("the shortest text", [_picked(min, reference, others) for reference, others in choosable])]
    for at, student in ((0, "untrained"), (1, "tuned")):
        if scored := [value for prior in priors if (value := prior[at]) is not None]:
            found.append(_baseline(f"what the {student} student finds likeliest without the question", scored))
    return found


def _picked(extreme: Callable[[Sequence[int]], int], reference: str, others: Sequence[str]) -> float:
    """Return 1 if the reference alone is longest (or shortest) in characters, a share of it if others are as long."""
    lengths = [len(text) for text in (reference, *others)]
    best = extreme(lengths)
    return 1 / lengths.count(best) if lengths[0] == best else 0.0


def _baseline(rule: str, right: Sequence[float]) -> ChoiceBaseline:
    low, high = wilson_interval(sum(right), len(right))
    return ChoiceBaseline(rule, sum(right) / len(right), low, high, len(right))
