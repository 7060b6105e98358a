"""The headline test of a run: which questions decide its verdict, and how many there are at most."""

from __future__ import annotations

from collections.abc import Sequence

from store.dev_split import DEV
from store.metrics import METRICS
from store.run_config import HELD_OUT, NO_MARGIN, TAUGHT, RunConfig

HEADLINE_QUESTIONS = {HELD_OUT: "held-out questions", TAUGHT: "taught facts, asked in wordings never trained,",
                      DEV: "the development questions that cycles are chosen on"}
"""Stored name of a tier that can be the headline -> its questions, as the verdict's sentence names them."""
HEADLINE_WORDS = {HELD_OUT: "facts never taught", TAUGHT: "taught facts, asked in other words"}
"""Stored name of a tier that can be the headline -> what its questions are about, within a sentence."""


def tested_in_words(config: RunConfig) -> str:
    """Return how many questions of which kind decide the verdict, within a sentence."""
    if config.headline_tier == TAUGHT:
        return (f"up to {headline_wanted(config)} questions on facts that it was taught, in wordings that were never "
                "trained")
    return f"{config.held_out} held-out questions, from passages that were never trained on"


def reading_tier(config: RunConfig) -> str:
    """Return the tier that shows whether the student reads better, with passages before the question.

    Where reading is trained these are facts never taught: what the student knows of them is nothing that it was taught.
    """
    return HELD_OUT if config.reading_share > 0 and config.held_out else config.headline_tier


def margin_of(config: RunConfig, metric: str) -> float | None:
    """Return the margin of a metric in a run, in the metric's unit; None for a run that named none before it began.

    The run's own margin is that of its headline metric; every other metric has its default.
    """
    if config.margin == NO_MARGIN:
        return None
    if config.margin is not None and metric == config.headline:
        return config.margin
    return METRICS[metric].margin if metric in METRICS else None


def common_margin(configs: Sequence[RunConfig], metric: str) -> float | None:
    """Return the smallest of several runs' margins of a metric; None if one of them named none before it began."""
    named = [margin for config in configs if (margin := margin_of(config, metric)) is not None]
    return min(named) if named and len(named) == len(configs) else None


def taught_wanted(config: RunConfig) -> int:
    """Return how many test questions on taught facts a run has at most, development questions included.

    There is one for each training question at most.
    """
    dev = config.dev_questions if config.headline_tier == TAUGHT else 0
    return min(config.taught_questions + dev, config.questions * config.cycles) if config.fine_tune else 0


def questions_of_test(config: RunConfig) -> int:
    """Return how many test questions the teacher writes for a whole run at most, of every tier."""
    dev = config.dev_questions if config.headline_tier == HELD_OUT else 0
    return config.held_out + dev + config.new_topic_questions + taught_wanted(config)


def questions_in_all(config: RunConfig) -> int:
    """Return how many questions the teacher writes for a whole run at most, for training and test; at least 1."""
    return config.cycles * (config.questions + config.paraphrases) + questions_of_test(config) or 1


def headline_wanted(config: RunConfig) -> int:
    """Return how many questions decide the verdict at most."""
    if config.headline_tier == HELD_OUT:
        return config.held_out
    wanted = taught_wanted(config)
    return wanted - min(config.dev_questions, wanted // 2)
