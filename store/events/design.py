"""Event of a run's pre-registration: what was fixed before any student was asked the test."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event


@dataclass(frozen=True)
class DesignSealed(Event, event_type="DesignSealed"):
    """The design of the run was sealed: after its test was written, and before any student was asked it."""

    questions_hash: str
    """Hash over the test's questions."""
    test_sha256: str
    """SHA-256 over the test's questions, references and distractors, see `store/sealed_test.py`."""
    questions: int
    """Number of test questions, of every tier."""
    headline: str
    headline_tier: str
    margin: float
    """The smallest change that matters, in the headline metric's unit."""
    seeds: tuple[int, ...]
    """The run's seed, and the seed of its training where that is another."""
    config_sha256: str
    """SHA-256 of the configuration's canonical JSON."""
