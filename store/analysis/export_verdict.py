"""Decide whether an exported student is the one that was measured, from paired scores on the locked test.

Unequal texts alone never decide: the shape of a batch changes greedy answers in bf16. *Different* is only what changes
a metric beyond its margin, changes likelihoods beyond a stated tolerance, or puts questions, draws or ends answers in
another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.metrics import METRICS
from store.statistics import PairedChange, title_in_sentence, within_margin

SAME, DIFFERENT, INCONCLUSIVE = "same as measured", "different", "inconclusive"
DEQUANTIZED = ", dequantized"
"""End of the name of an engine that read a GGUF file's weights back to floating point, as none does that serves it."""
NLL_TOLERANCE = 0.02
"""Mean absolute difference of the references' NLL, in nats per token, up to which two computations of one model in the
same precision count as equal: bf16 has 8 bits of mantissa, and sums in another order differ by about a hundredth."""
NLL_TOLERANCE_OTHER_PRECISION = 0.1
"""The same where the weights were exported in another precision than they were measured in."""


@dataclass(frozen=True)
class NllDifference:
    """Differences of the references' negative log-likelihood between export and record, over the locked test."""

    mean_absolute: float
    """In nats per token."""
    pairs: int
    tolerance: float

    @property
    def within(self) -> bool:
        return self.mean_absolute <= self.tolerance


@dataclass(frozen=True)
class ExportVerdict:
    """The outcome with its sentence."""

    outcome: str
    sentence: str


def export_verdict(changes: Mapping[str, PairedChange], nll: NllDifference | None, decisive: Sequence[str],
                   equal: int, asked: int) -> ExportVerdict:
    """Return the verdict on an export.

    Args:
        changes: metric -> paired change from the recorded student to the export.
        nll: difference of likelihoods; None where the engine gives none.
        decisive: differences that change how answers are drawn or ended, each as a phrase.
        equal: number of answers with the recorded text.
        asked: number of questions.
    """
    texts = f"{equal} of {asked} answers have the recorded text"
    moved = [metric for metric, change in changes.items() if outside_margin(change, METRICS[metric].margin)]
    reasons = [*decisive, *(_moved(metric, changes[metric]) for metric in moved)]
    if nll is not None and not nll.within:
        reasons.insert(0, f"the references' NLL differs by {nll.mean_absolute:.3f} nats per token on average "
                          f"(tolerance {nll.tolerance:g})")
    if reasons:
        return ExportVerdict(DIFFERENT, f"Different from what was measured: {'; '.join(reasons)}. {texts}.")
    undecided = [metric for metric, change in changes.items() if not within_margin(change, METRICS[metric].margin)]
    likelihood = "" if nll is None else (f" The references' NLL differs by {nll.mean_absolute:.4f} nats per token "
                                         f"(tolerance {nll.tolerance:g}).")
    if equal == asked or (nll is not None) or (changes and not undecided):
        return ExportVerdict(SAME, f"Same as measured: {texts}.{likelihood}")
    few = ", ".join(title_in_sentence(METRICS[metric].title) for metric in undecided) or "no metric"
    return ExportVerdict(INCONCLUSIVE, f"Inconclusive: {texts}, and {asked} questions are too few to say whether the "
                                       f"rest matters ({few} could not be kept within the margin).")


def outside_margin(change: PairedChange, margin: float) -> bool:
    """Whether the confidence interval lies wholly beyond the margin, on either side."""
    return change.low is not None and change.high is not None and (change.low > margin or change.high < -margin)


def _moved(metric: str, change: PairedChange) -> str:
    return (f"{title_in_sentence(METRICS[metric].title)} changes by {change.change:+.3f} (95% interval "
            f"{change.low:+.3f} to {change.high:+.3f}, margin {METRICS[metric].margin:g})")
