"""Encode events as JSON and decode them; the envelope of a stored event."""

from __future__ import annotations

import dataclasses
import functools
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from store.events import (
    answers, batches, comparisons, control_arms, dataset, design, exports, forecasts, judging, questions,
    ratings_and_tags, review, runs, schedules, stages, training,
)
from store.events.event_type import Event
from store.timestamps import parse

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_SUBJECTS = (answers, batches, control_arms, dataset, design, exports, forecasts, judging, ratings_and_tags,
             comparisons, review, runs, schedules, stages, questions, training)
KINDS: dict[str, type[Event]] = {
    thing.event_type: thing for subject in _SUBJECTS for thing in vars(subject).values()
    if isinstance(thing, type) and issubclass(thing, Event) and thing is not Event
}
"""Event classes by the `kind` under which they are stored."""


class Recorded(NamedTuple):
    """A stored event with its envelope."""

    run: str
    seq: int
    cycle: int | None
    stage: str | None
    moment: str
    """Its time, as the text stored in the tables."""
    event: Event

    @property
    def at(self) -> datetime:
        return parse(self.moment)

    @property
    def kind(self) -> str:
        return self.event.event_type


class UnfitEvent(ValueError):
    """An event holds NaN, infinity or a value that JSON cannot represent; nothing was written."""


class UnknownEvent(ValueError):
    """An event has a kind that this version does not know: a newer program wrote it."""


def _fields(thing: Any) -> dict[str, Any]:
    """Return the fields of an event, or of a record inside one, in the order of the class."""
    if dataclasses.is_dataclass(thing):
        return vars(thing)
    raise TypeError(f"{type(thing).__name__} is no JSON value")


_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_fields)


def to_json(event: Event) -> str:
    """Encode an event's payload as JSON.

    Raises:
        UnfitEvent: a number is NaN or infinite, or JSON cannot represent a value.
    """
    try:
        fast = orjson.dumps(event, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:  # orjson accepts fewer types of numbers and strings than json; or JSON cannot represent it
        return _strict_json(event)
    # orjson writes NaN as null: if there is any null, the strict encoder distinguishes None from NaN.
    return _strict_json(event) if b"null" in fast else fast.decode()


def _strict_json(event: Event) -> str:
    try:
        text = _ENCODER.encode(event)
        text.encode()  # fails on a lone surrogate, which imported JSON can contain and which could not be read back
        return text
    except (ValueError, TypeError) as error:
        raise UnfitEvent(f"{event.event_type} cannot be recorded: {error}") from error


def from_json(kind: str, payload: str) -> Event:
    """Decode an event that `to_json` wrote.

    Raises:
        UnknownEvent: this version has no such kind.
    """
    if kind not in KINDS:
        raise UnknownEvent(f"there is an event of the unknown kind {kind!r}")
    event: Event = _adapter(kind).validate_json(payload)
    return event


@functools.cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # imported late: dashboard pages hardly ever decode events

    return TypeAdapter(KINDS[kind])
