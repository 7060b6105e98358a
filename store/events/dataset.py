"""Event of people's flags on a run's questions and references."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class ItemFlagged(Event, event_type="ItemFlagged"):
    """A person flagged a question of the run, or withdrew the flag; results stay as they are."""

    question_id: str
    flag: str
    """`wrong reference` or `bad question`."""
    reason: str
    by: str
    withdrawn: bool = False
