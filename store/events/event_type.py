"""The base class of all events, with the name under which each is stored."""

from __future__ import annotations

from typing import ClassVar


class Event:
    """An event.

    Each subclass gives its `event_type` as a class argument: the text in the store's `kind` column and in checkpoints.
    It never changes, even if the class is renamed.
    """

    event_type: ClassVar[str]

    def __init_subclass__(cls, *, event_type: str) -> None:
        super().__init_subclass__()
        cls.event_type = event_type
