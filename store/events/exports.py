"""Events of exported students: what was asked of them, and whether they are what was measured."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.answers import AnswerRecord
from store.events.event_type import Event


@dataclass(frozen=True)
class ExportChange:
    """The paired change from the recorded student to its export, by one metric on the locked test."""

    metric: str
    recorded: float | None
    exported: float | None
    change: float | None
    low: float | None
    high: float | None
    scored: int
    asked: int


@dataclass(frozen=True)
class ExportScore:
    """The scores of one question's recorded and exported answer by one metric."""

    metric: str
    question_id: str
    recorded: float | None
    exported: float | None


@dataclass(frozen=True)
class ExportVerified(Event, event_type="ExportVerified"):
    """An exported or served student answered the run's locked test; its answers stand beside the recorded ones."""

    export: str
    """Its folder, or the address of the server that answered."""
    engine: str
    """What answered, such as `transformers 5.23`."""
    outcome: str
    """same as measured, different or inconclusive"""
    sentence: str
    causes: tuple[str, ...]
    """What differs and probably explains it; empty where nothing was found."""
    equal: int
    """Answers with the very text that was recorded."""
    asked: int
    changes: tuple[ExportChange, ...]
    answers: tuple[AnswerRecord, ...]
    size_bytes: int | None = None
    """Bytes of the exported weights; None for a server, and in events of before it was recorded."""
    scores: tuple[ExportScore, ...] = ()
    """By metric and question; empty in events of before they were recorded."""
