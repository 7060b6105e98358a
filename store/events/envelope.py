"""An event as it is written and read: its envelope, and the way to JSON and back."""

from __future__ import annotations

import dataclasses
import functools
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from store.events import (
    answers, comparisons, control_arms, judging, questions, ratings_and_tags, runs, schedules, stages, training,
)
from store.events.event_type import Event
from store.timestamps import parse

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_SUBJECTS = (answers, control_arms, judging, ratings_and_tags, comparisons, runs, schedules, stages, questions,
             training)
KINDS: dict[str, type[Event]] = {
    thing.event_type: thing for subject in _SUBJECTS for thing in vars(subject).values()
    if isinstance(thing, type) and issubclass(thing, Event) and thing is not Event
}
"""Every kind of event by its name in the store."""


class Recorded(NamedTuple):
    """An event with its envelope, as it stands in the store."""

    run: str
    seq: int
    cycle: int | None
    stage: str | None
    moment: str
    """When it happened, as the tables hold it."""
    event: Event

    @property
    def at(self) -> datetime:
        return parse(self.moment)

    @property
    def kind(self) -> str:
        return self.event.event_type


class UnfitEvent(ValueError):
    """An event holds NaN, infinity or something that is no JSON value; nothing was written."""


class UnknownEvent(ValueError):
    """An event of a kind that this version does not know: a newer program wrote it."""


def _fields(thing: Any) -> dict[str, Any]:
    """An event, or a record inside one, as the encoder wants it; fields are in the order of the class."""
    if dataclasses.is_dataclass(thing):
        return vars(thing)
    raise TypeError(f"{type(thing).__name__} is no JSON value")


_ENCODER = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_fields)


def to_json(event: Event) -> str:
    """The payload as JSON.

    Raises:
        UnfitEvent: a number is NaN or infinite, or a value is no JSON value.
    """
    try:
        quick = orjson.dumps(event, option=orjson.OPT_PASSTHROUGH_DATETIME)
    except TypeError:  # orjson knows fewer kinds of numbers and texts than JSON does; or it is no JSON value
        return _strictly(event)
    # orjson writes NaN as null: where there is any, the strict encoder tells a missing number from a wrong one.
    return _strictly(event) if b"null" in quick else quick.decode()


def _strictly(event: Event) -> str:
    try:
        text = _ENCODER.encode(event)
        text.encode()  # half of a surrogate pair, as a foreign JSON can hold it, is no text that could be read back
        return text
    except (ValueError, TypeError) as error:
        raise UnfitEvent(f"{event.event_type} cannot be recorded: {error}") from error


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
    from pydantic import TypeAdapter  # late: pages read what was made of the events, and never an event

    return TypeAdapter(KINDS[kind])
