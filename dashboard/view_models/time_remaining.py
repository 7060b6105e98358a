"""Estimate the time remaining of a run from past durations of its stages. Pure; the result is a number with a range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from store.analysis.stage_time import MARGIN, Span, StageTimes
from store.formatting import duration, plural
from store.queries import PastStage
from store.run_config import RunConfig


@dataclass(frozen=True)
class Remaining:
    """A stage that is not finished; the fields after its cycle are for the stage that is running now."""

    stage: str
    share_done: float = 0.0
    elapsed: float = 0.0
    at_its_pace: float | None = None
    """Seconds left at the rate since the current attempt started; None until there is a rate."""
    cycle: int = 1


@dataclass(frozen=True)
class Estimate:
    """Expected seconds left with their range. `unknown` counts stages without a past, which are not included."""

    seconds: float
    low: float
    high: float
    unknown: int


def estimate(remaining: Sequence[Remaining], run: str, config: RunConfig,
             past: Sequence[PastStage]) -> Estimate | None:
    """Estimate the time that the remaining stages will take; None if no stage has an estimate.

    Args:
        past: newest runs first.
    """
    times = StageTimes(config, past, run)
    spans = [_of_stage(item, times.of(item.stage, item.cycle)) for item in remaining]
    known = [span for span in spans if span is not None]
    if remaining and not known:
        return None
    return Estimate(sum(span.seconds for span in known), sum(span.low for span in known),
                    sum(span.high for span in known), len(spans) - len(known))


def _of_stage(item: Remaining, known: Span | None) -> Span | None:
    if item.at_its_pace is not None:  # the most reliable estimate
        return Span(item.at_its_pace, item.at_its_pace * (1 - MARGIN), item.at_its_pace * (1 + MARGIN))
    if known is None:
        return None
    if item.share_done > 0:  # done in an earlier attempt; the current attempt has no rate yet
        return known.times(1 - item.share_done)
    return Span(*(max(0.0, value - item.elapsed) for value in (known.seconds, known.low, known.high)))


def time_left(guess: Estimate | None) -> str:
    """Format the estimate as a number with its range; stages without past durations make it a lower bound."""
    if guess is None or (guess.unknown and guess.high < 1):
        return "time left unknown: no stage like these has finished before"
    low, high = duration(guess.low), duration(guess.high)
    span = f"about {duration(guess.seconds)} left" + (f" ({low} to {high})" if low != high else "")
    if guess.unknown:
        without_past = f"{plural(guess.unknown, 'stage')} that {'has' if guess.unknown == 1 else 'have'} never run"
        return f"at least {span}, not counting {without_past}"
    return span
