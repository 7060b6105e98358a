"""The base class of all events: a frozen dataclass with the name under which the store keeps it."""

from __future__ import annotations

from typing import ClassVar


class Event:
    """Something that happened.

    Each subclass names its `event_type` as a class argument: the text in the store's `kind` column and in
    checkpoints. It never changes, whatever the class is called.
    """

    event_type: ClassVar[str]

    def __init_subclass__(cls, *, event_type: str) -> None:
        super().__init_subclass__()
        cls.event_type = event_type
