"""How long a run may still take: pure, from how long its stages took before. A range, never one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.config import RunConfig
from store.formatting import duration, plural
from store.queries import PastStage

# What decides how long a stage takes; runs that differ in any of these say nothing about each other.
_DURATION_FIELDS = ("teacher", "student", "precision", "questions", "held_out", "paraphrases", "new_topic_questions",
                    "general", "fine_tune", "steps", "batch_size", "gradient_accumulation", "max_new_tokens",
                    "max_sequence_tokens", "temperature", "arms", "learning_curve")
_SINGLE_SPREAD = 0.2
"""How far a lone duration is widened to either side."""


@dataclass(frozen=True)
class Remaining:
    """One stage that is still to do; what comes after its name belongs to the one that runs now."""

    stage: str
    share_done: float = 0.0
    elapsed: float = 0.0
    at_its_pace: float | None = None
    """Seconds to go at the pace of what was done since it began, or began again; None before there is one."""


@dataclass(frozen=True)
class Estimate:
    """Seconds still to go. `unknown` stages have no past: the truth is then above this range."""

    low: float
    high: float
    unknown: int


def same_duration_profile(one: RunConfig, other: RunConfig) -> bool:
    """Whether the stages of two configurations take about as long."""
    return all(getattr(one, field) == getattr(other, field) for field in _DURATION_FIELDS)


def estimate(remaining: Sequence[Remaining], run: str, config: RunConfig,
             past: Sequence[PastStage]) -> Estimate | None:
    """The time that the remaining stages will take, or None where nothing can be said of any of them."""
    low = high = 0.0
    unknown = 0
    took = _seconds_by_stage(run, config, past)
    for item in remaining:
        span = _of_stage(item, took.get(item.stage, []))
        if span is None:
            unknown += 1
        else:
            low, high = low + span[0], high + span[1]
    return None if unknown == len(remaining) else Estimate(low, high, unknown)


def _seconds_by_stage(run: str, config: RunConfig, past: Sequence[PastStage]) -> dict[str, list[float]]:
    """How long each stage took in this run and in those like it; runs are compared once, not stage by stage."""
    tells = {name: name == run or same_duration_profile(like, config) for name,
             like in {row.run: row.config for row in past}.items()}
    found: dict[str, list[float]] = {}
    for row in past:
        if tells[row.run]:
            found.setdefault(row.stage, []).append(row.seconds)
    return found


def _of_stage(item: Remaining, known: Sequence[float]) -> tuple[float, float] | None:
    if item.at_its_pace is not None:  # the best witness
        return item.at_its_pace * (1 - _SINGLE_SPREAD), item.at_its_pace * (1 + _SINGLE_SPREAD)
    if not known:
        return None
    low, high = min(known), max(known)
    if len(known) == 1:
        low, high = low * (1 - _SINGLE_SPREAD), high * (1 + _SINGLE_SPREAD)
    if item.share_done > 0:  # done before it began again: of the present attempt nothing is known yet
        return low * (1 - item.share_done), high * (1 - item.share_done)
    return max(0.0, low - item.elapsed), max(0.0, high - item.elapsed)


def time_left(guess: Estimate | None) -> str:
    """The estimate as a range; what has no past makes it a lower bound."""
    if guess is None or (guess.unknown and guess.high < 1):
        return "time left unknown: no stage like these has finished before"
    low, high = duration(guess.low), duration(guess.high)
    span = f"about {low}" if low == high else f"{low} to {high}"
    if guess.unknown:
        never = f"{plural(guess.unknown, 'stage')} that {'has' if guess.unknown == 1 else 'have'} never run"
        return f"at least {span} left, not counting {never}"
    return f"{span} left, going by past stages"
