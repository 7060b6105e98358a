"""Decide the verdict on a change from its confidence interval, never from its mean alone."""

from __future__ import annotations

from store.statistics.clustered_interval import MIN_PAIRS
from store.statistics.paired_change import PairedChange


def verdict_of(change: PairedChange, better: int) -> str:
    """Return improved, regressed, no evidence, too few to say or not measured.

    Args:
        better: +1 if a higher score is better, -1 if a lower one is.
    """
    if change.scored == 0:
        return "not measured"
    if change.scored < MIN_PAIRS or change.low is None or change.high is None:
        return "too few to say"
    low, high = sorted((change.low * better, change.high * better))
    if low <= 0 <= high or below_sign_test_minimum(change):
        return "no evidence"
    return "improved" if low > 0 else "regressed"


def below_sign_test_minimum(change: PairedChange) -> bool:
    """Whether so few answers changed their score that the exact sign test cannot reach p < 0.05."""
    return change.wins + change.losses < MIN_PAIRS


def title_in_sentence(title: str) -> str:
    """Return a metric's title in lower case for use within a sentence; acronyms such as ROUGE-L and NLL stay."""
    first, _, rest = title.partition(" ")
    return title if any(letter.isupper() for letter in first[1:]) else f"{first.lower()} {rest}".strip()


def within_margin(change: PairedChange, margin: float) -> bool:
    """Whether the confidence interval lies inside the margin: evidence that nothing relevant changed."""
    return change.low is not None and change.high is not None and -margin <= change.low and change.high <= margin


def verdict_sentence(verdict: str, title: str, change: PairedChange, questions: str = "held-out questions") -> str:
    """Describe the verdict with its numbers in one sentence; `questions` says what was asked."""
    title = title_in_sentence(title)
    if change.change is None or change.baseline is None or change.tuned is None:
        return f"Not measured: none of the {questions} has both a baseline and a tuned score for {title}."
    numbers = f"{title} on {questions} went from {change.baseline:.2f} to {change.tuned:.2f}"
    interval = "no interval"
    if change.low is not None and change.high is not None:
        interval = f"95% interval {change.low:+.2f} to {change.high:+.2f}"
        if verdict == "no evidence" and not change.low <= 0 <= change.high:
            interval += f", but only {change.wins + change.losses} answers changed their score"
    lead = {"improved": "Improved", "regressed": "Regressed", "no evidence": "No evidence of a change",
            "too few to say": "Too few to say"}[verdict]
    return f"{lead}: {numbers} ({change.change:+.2f}, {interval}, n = {change.scored})."
