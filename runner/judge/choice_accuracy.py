"""Choice accuracy, the headline metric: is the true reference the likeliest among its distractors? Pure."""

from __future__ import annotations

from collections.abc import Sequence


def choice_accuracy(reference: float, distractors: Sequence[float]) -> float:
    """Return 1 if the reference has the lowest NLL of all, else 0; k texts tied for the lowest share it as 1/k."""
    best = min(reference, *distractors)
    return 0.0 if reference > best else 1 / (1 + sum(nll == best for nll in distractors))
