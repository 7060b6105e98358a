"""An event as it is written and read: its envelope, and the way to JSON and back."""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from store.events import answers, arms, judging, remarks, results, runs, schedules, stages, teaching, training
from store.events.event import Event

_SUBJECTS = (answers, arms, judging, remarks, results, runs, schedules, stages, teaching, training)
KINDS: dict[str, type[Event]] = {
    name: thing for subject in _SUBJECTS for name, thing in vars(subject).items()
    if isinstance(thing, type) and issubclass(thing, Event) and thing is not Event
}
"""Every kind of event by its name in the store."""


@dataclass(frozen=True)
class Recorded:
    """An event with its envelope, as read back from the store."""

    run: str
    seq: int
    cycle: int | None
    stage: str | None
    at: datetime
    event: Event

    @property
    def kind(self) -> str:
        return type(self.event).__name__


class UnfitEvent(ValueError):
    """An event holds NaN, infinity or something that is no JSON value; nothing was written."""


class UnknownEvent(ValueError):
    """An event of a kind that this version does not know: a newer program wrote it."""


def _fields(thing: Any) -> dict[str, Any]:
    """An event, or a record inside one, as the encoder wants it; fields are in the order of the class."""
    if dataclasses.is_dataclass(thing):
        return vars(thing)
    raise TypeError(f"{type(thing).__name__} is no JSON value")


_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), default=_fields)


def to_json(event: Event) -> str:
    """The payload as JSON.

    Raises:
        UnfitEvent: a number is NaN or infinite, or a value is no JSON value.
    """
    try:
        return _ENCODER.encode(event)
    except (ValueError, TypeError) as error:
        raise UnfitEvent(f"{type(event).__name__} cannot be recorded: {error}") from error


def from_json(kind: str, payload: str) -> Event:
    """The event that `to_json` wrote.

    Raises:
        UnknownEvent: no such kind here.
    """
    if kind not in KINDS:
        raise UnknownEvent(f"there is an event of the unknown kind {kind!r}")
    event: Event = _adapter(kind).validate_json(payload)
    return event


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])
