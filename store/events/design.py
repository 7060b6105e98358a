"""Events of what was fixed before any student was asked the test: a run's design, a group's choice of settings."""

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


@dataclass(frozen=True)
class SettingsRecord:
    """One combination of settings of a group, as its choice saw it."""

    settings: str
    """Each setting that differs between the combinations, with its value."""
    value: float | None
    """Mean score over its runs' development questions, each run by its own chosen cycle; None without a score."""
    runs: int
    """How many of its runs have a score."""


@dataclass(frozen=True)
class SettingsChosen(Event, event_type="SettingsChosen"):
    """The settings of this run's group were chosen on the development questions: runs with them answer the test."""

    group: str
    settings: str
    metric: str
    candidates: tuple[SettingsRecord, ...]
