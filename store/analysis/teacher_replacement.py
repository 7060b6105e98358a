"""Describe whether a student may replace its teacher, and what its gain on taught facts is made of. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from store.control_arms import TUNED
from store.events import GainShareRecord, ReplacementRecord
from store.formatting import change, interval
from store.metrics import METRICS
from store.statistics import (
    FALLS_SHORT, INCONCLUSIVE, KNOWLEDGE, MEMORY, NOT_MEASURED, REPLACES, WORDING, min_pairs_within, title_in_sentence,
)

STUDENTS = {TUNED: "The fine-tuned student"}
WITH_RETRIEVAL = "The fine-tuned student with retrieval"
PART_TITLES = {WORDING: "Wording", KNOWLEDGE: "Knowledge", MEMORY: "Memory of the trained wording"}
"""Part of the gain -> its name on pages."""
PART_MEANINGS = {
    WORDING: "placebo minus untrained on the test: style and form, which shuffled references teach too",
    KNOWLEDGE: "fine-tuned minus placebo on the test, in wordings that were never trained",
    MEMORY: "gain on the training questions minus gain on the test: what only the trained wording brings up",
}
_HOW = {
    "choice_accuracy": "by likelihood",
    "factual_correctness": "by the judge model on the answers, because a teacher's likelihood of a given text is not "
                           "available",
    "fact_recall": "by key terms in the answers, because a teacher's likelihood of a given text is not available and "
                   "no judge model scored the answers",
}
"""Metric -> why it is the one that compares both."""


def replacement_verdict(found: ReplacementRecord) -> str:
    """Return the verdict as a heading: replaces its teacher, falls short by X, inconclusive ..."""
    if found.verdict == FALLS_SHORT and found.difference is not None:
        return f"falls short by {-found.difference:.2f}"
    return "replaces its teacher" if found.verdict == REPLACES else found.verdict


def replacement_sentence(found: ReplacementRecord) -> str:
    """Describe a student against its teacher's closed-book answers, with the numbers and what is still needed."""
    who, metric = STUDENTS.get(found.arm, WITH_RETRIEVAL), METRICS[found.metric]
    if found.verdict == NOT_MEASURED:
        return f"{who} was not compared with its teacher: no question has both scores."
    numbers = (f"{who} scores {found.student:.2f} by {title_in_sentence(metric.title)}, the teacher without documents "
               f"{found.teacher:.2f} ({change(found.difference)}, {100 * found.confidence:g}% interval "
               f"{interval(found.low, found.high)}, n = {found.scored})")
    verdict = {
        REPLACES: f"It may replace its teacher: it loses less than the margin of {found.margin:g}",
        FALLS_SHORT: f"It falls short of its teacher by more than the margin of {found.margin:g}",
        INCONCLUSIVE: f"Inconclusive: a loss of {found.margin:g}, the margin, lies within the interval",
    }.get(found.verdict, "Too few questions to say")
    if found.verdict == INCONCLUSIVE and found.low is not None and found.low > -found.margin:
        verdict = (f"Inconclusive: the loss is below the margin of {found.margin:g}, but fewer than "
                   f"{min_pairs_within(found.margin)} questions cannot certify that")
    return " ".join(part for part in (f"{numbers}.", f"{verdict}{_needed(found)}.", _by_construction(found)) if part)


def how_compared(found: ReplacementRecord) -> str:
    """Say by what a student and its teacher were compared, and why."""
    return f"Compared {_HOW.get(found.metric, f'by {found.metric}')}."


def share_lines(parts: Sequence[GainShareRecord]) -> list[str]:
    """Return one line per part of the gain by one metric, in the order in which they add up."""
    lines = []
    for part in parts:
        share = "" if part.share is None else f", {part.share:.2f} of the gain on the training questions"
        lines.append(f"{PART_TITLES[part.part]}: {change(part.gain)} ({interval(part.low, part.high)}{share}): "
                     f"{PART_MEANINGS[part.part]}.")
    return lines


def _needed(found: ReplacementRecord) -> str:
    if found.verdict != INCONCLUSIVE or found.needed is None:
        return ""
    return f"; about {found.needed:,} questions would certify a student that loses half of it, with 80% power"


def _by_construction(found: ReplacementRecord) -> str:
    return "" if not found.by_construction else \
        "The offline teacher's answer is the reference itself, so this compares with the references."
