"""The verdict on reading: does training help to answer from passages before the question? Pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from store.control_arms import RETRIEVAL, TUNED_RETRIEVAL
from store.formatting import interval
from store.headline import HEADLINE_WORDS, reading_tier
from store.metrics import METRICS
from store.queries import ArmChange
from store.run_config import RunConfig
from store.statistics import title_in_sentence

_LEADS = {"improved": "Reads better than before", "worse": "Reads worse than before",
          "no relevant change": "No relevant change in reading",
          "inconclusive": "Inconclusive whether it reads better than before",
          "regressed": "Reads worse than before",
          "no evidence": "No evidence that it reads better or worse than before",
          "too few to say": "Too few to say whether it reads better than before"}


def reading_change(changes: Iterable[ArmChange], metric: str) -> ArmChange | None:
    """Return the tuned student's change against the untrained one, both with passages; None if not compared."""
    return next((row for row in changes if (row.arm, row.against, row.metric) == (TUNED_RETRIEVAL, RETRIEVAL, metric)),
                None)


def reading_sentence(changes: Iterable[ArmChange], config: RunConfig) -> str:
    """Return the verdict on reading by the headline metric in one sentence; empty if it was not compared."""
    row = reading_change(changes, config.headline)
    if row is None:
        return ""
    about = f"with retrieved passages before questions on {HEADLINE_WORDS[reading_tier(config)]}"
    title = title_in_sentence(METRICS[config.headline].title)
    if row.change is None or row.before is None or row.after is None:
        return f"Reading was not measured: {about}, no question has {title} both before and after."
    lead = _LEADS.get(row.verdict, row.verdict)
    return (f"{lead}: {about}, {title} went from {row.before:.2f} to {row.after:.2f} ({row.change:+.2f}, 95% interval "
            f"{interval(row.low, row.high)}, n = {row.scored}).")
