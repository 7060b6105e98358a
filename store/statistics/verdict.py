"""Decide the verdict on a change from its confidence interval, never from its mean alone.

With a margin, named before the run, there are four: improved, worse, no relevant change (the interval lies within the
margin) and inconclusive. Comparisons of runs that named none keep the words of their time: improved, regressed, no
evidence. Either way too few pairs are "too few to say", and no pair is "not measured".
"""

from __future__ import annotations

from store.statistics.clustered_interval import MIN_PAIRS
from store.statistics.equivalence import min_pairs_within, within_margin
from store.statistics.paired_change import PairedChange
from store.statistics.minimum_detectable_effect import minimum_detectable_effect

IMPROVED = "improved"
WORSE = "worse"
NO_RELEVANT_CHANGE = "no relevant change"
INCONCLUSIVE = "inconclusive"
REGRESSED = "regressed"
NO_EVIDENCE = "no evidence"
TOO_FEW = "too few to say"
NOT_MEASURED = "not measured"
LOSSES = (WORSE, REGRESSED)
"""The verdict that a student lost: with a margin, and without one."""
TESTED = (IMPROVED, WORSE, NO_RELEVANT_CHANGE, INCONCLUSIVE, REGRESSED, NO_EVIDENCE)
"""Verdicts that rest on an interval."""


def verdict_of(change: PairedChange, better: int, margin: float | None = None) -> str:
    """Return the verdict on a change: with a margin one of the four words, else one of the three of before.

    An interval within the margin is "no relevant change" even where it excludes zero.

    Args:
        better: +1 if a higher score is better, -1 if a lower one is.
        margin: the smallest mean change that matters, in the metric's unit, named before the run; None for a run that
            named none.
    """
    if change.scored == 0:
        return NOT_MEASURED
    if change.scored < MIN_PAIRS or change.low is None or change.high is None:
        return TOO_FEW
    if margin is not None and within_margin(change, margin) and change.scored >= min_pairs_within(margin):
        return NO_RELEVANT_CHANGE
    low, high = sorted((change.low * better, change.high * better))
    if low <= 0 <= high or below_sign_test_minimum(change):
        return NO_EVIDENCE if margin is None else INCONCLUSIVE
    if low > 0:
        return IMPROVED
    return REGRESSED if margin is None else WORSE


def below_sign_test_minimum(change: PairedChange) -> bool:
    """Whether so few answers changed their score that the exact sign test cannot reach p < 0.05."""
    return change.wins + change.losses < MIN_PAIRS


def title_in_sentence(title: str) -> str:
    """Return a metric's title in lower case for use within a sentence; acronyms such as ROUGE-L and NLL stay."""
    first, _, rest = title.partition(" ")
    return title if any(letter.isupper() for letter in first[1:]) else f"{first.lower()} {rest}".strip()


_LEADS = {IMPROVED: "Improved", WORSE: "Worse", NO_RELEVANT_CHANGE: "No relevant change", INCONCLUSIVE: "Inconclusive",
          REGRESSED: "Regressed", NO_EVIDENCE: "No evidence of a change", TOO_FEW: "Too few to say"}


def interval_words(change: PairedChange, is_share: bool = True) -> str:
    """Describe the interval of a change in words; identical scores that are no shares have none.

    Args:
        is_share: whether scores lie between 0 and 1. The interval of equal pairs assumes that.
    """
    if not is_share and is_unmoved(change):
        return "identical scores"
    if change.low is None or change.high is None:
        return "no interval"
    return f"95% interval {change.low:+.2f} to {change.high:+.2f}"


def is_unmoved(change: PairedChange) -> bool:
    """Whether every pair has the same score before and after."""
    return change.change == 0 and change.wins == change.losses == 0


def verdict_sentence(verdict: str, title: str, change: PairedChange, questions: str = "held-out questions",
                     margin: float | None = None, is_share: bool = True) -> str:
    """Describe the verdict with its numbers.

    Args:
        title: the metric's title.
        questions: what was asked.
        margin: as in `verdict_of`.
        is_share: as in `interval_words`.
    """
    title = title_in_sentence(title)
    if change.change is None or change.baseline is None or change.tuned is None:
        return f"Not measured: none of the {questions} has both a baseline and a tuned score for {title}."
    numbers = f"{title} on {questions} went from {change.baseline:.2f} to {change.tuned:.2f}"
    interval = interval_words(change, is_share)
    beside_zero = change.low is not None and change.high is not None and not change.low <= 0 <= change.high
    if verdict in (NO_EVIDENCE, INCONCLUSIVE) and beside_zero:
        interval += f", but only {change.wins + change.losses} answers changed their score"
    sentence = f"{_LEADS[verdict]}: {numbers} ({change.change:+.2f}, {interval}, n = {change.scored})."
    if margin is None or (not is_share and is_unmoved(change)):
        return sentence
    return f"{sentence}{_margin_note(verdict, change, margin)}"


def _margin_note(verdict: str, change: PairedChange, margin: float) -> str:
    """Say how the interval lies to the margin, where the verdict rests on that; else nothing."""
    if verdict == NO_RELEVANT_CHANGE:
        return f" The interval lies within the margin of {margin:g} that was named before the run."
    if verdict != INCONCLUSIVE:
        return ""
    if within_margin(change, margin):
        return (f" The interval lies within the margin of {margin:g}, but no relevant change can be concluded from "
                f"fewer than {min_pairs_within(margin)} questions.")
    smallest = minimum_detectable_effect(change.scored, change.spread) if change.spread else None
    seen = "" if smallest is None else f"; this test could have seen a change of about {smallest:.2f}"
    return f" A change of {margin:g}, the margin named before the run, lies within the interval{seen}."
