"""Estimate the time remaining of a run from past durations of its stages. Pure; the result is a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.config_metadata import fields_affecting
from store.formatting import duration, plural
from store.queries import PastStage
from store.run_config import RunConfig

_SINGLE_SPREAD = 0.2
"""Relative margin on both sides of an estimate that rests on a single duration."""


@dataclass(frozen=True)
class Remaining:
    """A stage that is not finished; the fields after its name are for the stage that is running now."""

    stage: str
    share_done: float = 0.0
    elapsed: float = 0.0
    at_its_pace: float | None = None
    """Seconds left at the rate since the current attempt started; None until there is a rate."""


@dataclass(frozen=True)
class Estimate:
    """Seconds left. `unknown` counts stages without past durations, which the range does not include."""

    low: float
    high: float
    unknown: int


def same_duration_profile(one: RunConfig, other: RunConfig) -> bool:
    """Whether every setting that affects the duration of stages is equal in two configurations."""
    return all(getattr(one, field) == getattr(other, field) for field in fields_affecting("duration", RunConfig))


def estimate(remaining: Sequence[Remaining], run: str, config: RunConfig,
             past: Sequence[PastStage]) -> Estimate | None:
    """Estimate the time that the remaining stages will take; None if no stage has an estimate."""
    low = high = 0.0
    unknown = 0
    durations = _seconds_by_stage(run, config, past)
    for item in remaining:
        span = _of_stage(item, durations.get(item.stage, []))
        if span is None:
            unknown += 1
        else:
            low, high = low + span[0], high + span[1]
    return None if unknown == len(remaining) else Estimate(low, high, unknown)


def _seconds_by_stage(run: str, config: RunConfig, past: Sequence[PastStage]) -> dict[str, list[float]]:
    """Past durations of each stage, in this run and in runs with the same duration profile."""
    configs = {row.run: row.config for row in past}
    similar = {name for name, other in configs.items() if name == run or same_duration_profile(other, config)}
    found: dict[str, list[float]] = {}
    for row in past:
        if row.run in similar:
            found.setdefault(row.stage, []).append(row.seconds)
    return found


def _of_stage(item: Remaining, known: Sequence[float]) -> tuple[float, float] | None:
    if item.at_its_pace is not None:  # the most reliable estimate
        return item.at_its_pace * (1 - _SINGLE_SPREAD), item.at_its_pace * (1 + _SINGLE_SPREAD)
    if not known:
        return None
    low, high = min(known), max(known)
    if len(known) == 1:
        low, high = low * (1 - _SINGLE_SPREAD), high * (1 + _SINGLE_SPREAD)
    if item.share_done > 0:  # done in an earlier attempt; the current attempt has no rate yet
        return low * (1 - item.share_done), high * (1 - item.share_done)
    return max(0.0, low - item.elapsed), max(0.0, high - item.elapsed)


def time_left(guess: Estimate | None) -> str:
    """Format the estimate as a range; stages without past durations make it a lower bound."""
    if guess is None or (guess.unknown and guess.high < 1):
        return "time left unknown: no stage like these has finished before"
    low, high = duration(guess.low), duration(guess.high)
    span = f"about {low}" if low == high else f"{low} to {high}"
    if guess.unknown:
        without_past = f"{plural(guess.unknown, 'stage')} that {'has' if guess.unknown == 1 else 'have'} never run"
        return f"at least {span} left, not counting {without_past}"
    return f"{span} left, going by past stages"
