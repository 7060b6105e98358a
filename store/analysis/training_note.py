"""Say before a launch how often each fact will be presented, and what a time budget can teach. Pure functions."""

from __future__ import annotations

from store.formatting import duration, plural
from store.run_config import EMBEDDED_STUDENT, STUDY_PASSES, RunConfig
from store.training_defaults import size_class

TOKENS_PER_PRESENTATION = 73
"""Mean tokens of a study item with its prompt under the embedded student, measured on 60 of the built-in notes."""

TOKENS_PER_READING = 330
"""The same of an item with three passages before the question."""
FEWEST = 4
"""Presentations of a fact below which it is said to be presented too seldom. Chosen: 24 taught little in screens."""


def training_note(config: RunConfig, tokens_per_second: float | None, passages: int | None = None) -> str:
    """Return one sentence; empty for a run without study items.

    Args:
        tokens_per_second: the training speed that was reached last; None: not known.
        passages: number of passages that may be trained on, if known.
    """
    if not config.fine_tune or config.study == "off":
        return ""
    if config.minutes is not None:
        return _budget_note(config, config.minutes, tokens_per_second, passages)
    shown = _presentations(config)
    time = _time(config, shown * _tokens(config), tokens_per_second)
    per_fact = shown * (1 - config.general_replay) / max(1, config.questions)
    return (f"The first cycle's training presents its {config.questions} facts {per_fact:.0f} times each: {shown:.0f} "
            f"examples{time}.")


def _time(config: RunConfig, tokens: float, tokens_per_second: float | None) -> str:
    """Return how long training takes; for a student that was never trained here, at a speed that is assumed."""
    if tokens_per_second:
        return f", about {duration(tokens / tokens_per_second)} at {tokens_per_second:.0f} tokens/s"
    if config.student == EMBEDDED_STUDENT:
        return ""
    assumed = size_class(config.student).assumed_tokens_per_second
    return (f", about {duration(tokens / assumed)} at {assumed:,.0f} tokens/s, which is assumed for a small GPU and "
            "not measured")


def _presentations(config: RunConfig) -> float:
    if config.passes is not None:
        return config.passes * config.questions / (1 - config.general_replay)
    return float(config.steps * config.batch_size * config.gradient_accumulation)


def _budget_note(config: RunConfig, minutes: float, speed: float | None, passages: int | None) -> str:
    if not speed:
        return f"{minutes:g} minutes of training: the speed of this machine is measured before the first training."
    presentations = minutes * 60 * speed * (1 - config.general_replay) / _tokens(config)
    facts, each = presentations / STUDY_PASSES, presentations / config.questions
    time = "1 minute here teaches" if minutes == 1 else f"{minutes:g} minutes here teach"
    note = f"{time} about {plural(round(facts), 'fact')} {STUDY_PASSES:.0f} times each, at {speed:.0f} tokens/s"
    if passages is not None and passages > facts:
        whole = passages * STUDY_PASSES * _tokens(config) / speed / (1 - config.general_replay)
        note += f"; all {passages:,} passages would need {duration(whole)}, or a GPU"
    seldom = "" if each >= FEWEST else ", too seldom to be learned: allow more time, or ask for fewer questions"
    return (f"{note}. This run's first cycle presents its {config.questions} facts about {each:.{int(each < 10)}f} "
            f"times each{seldom}.")


def _tokens(config: RunConfig) -> float:
    """Return the mean tokens of a presentation: with passages before the question it is several times as long."""
    return TOKENS_PER_PRESENTATION * (1 - config.reading_share) + TOKENS_PER_READING * config.reading_share
