"""Decide how long a cycle's training lasts, and how often each fact is presented in it. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from store.run_config import RunConfig

KNOWN_WEIGHT = 0.25
"""Presentations of an earlier fact that the student answers completely, relative to a fact taught for the first time:
enough to keep it."""


def weight_of(recall: float | None) -> float:
    """Return how often an earlier fact is presented, relative to a new one.

    Args:
        recall: share of its key terms (0..1) in the fine-tuned student's answer to its training question; None: not
            measured, so it counts as not known.
    """
    return 1.0 if recall is None else KNOWN_WEIGHT + (1.0 - KNOWN_WEIGHT) * (1.0 - recall)


def examples_wanted(config: RunConfig, weights: Sequence[float], tokens_per_example: float,
                    tokens_per_second: float | None) -> int:
    """Return how many examples a cycle's training presents, replayed ones included: whole optimizer steps.

    Args:
        weights: one per fact, see `weight_of`.
        tokens_per_example: mean over the study items.
        tokens_per_second: training speed; needed only for a budget of minutes.

    Raises:
        ValueError: a budget of minutes without a speed.
    """
    per_step = config.batch_size * config.gradient_accumulation
    if config.minutes is not None:
        if not tokens_per_second:
            raise ValueError("a budget of minutes needs the training speed")
        return per_step * max(1, int(config.minutes * 60 * tokens_per_second / (tokens_per_example * per_step)))
    if config.passes is not None:
        return per_step * max(1, math.ceil(config.passes * sum(weights) / (1.0 - config.general_replay) / per_step))
    return per_step * config.steps
