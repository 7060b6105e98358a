"""What every event is: a frozen dataclass whose class name is its kind in the store. Knows none of them by name."""

from __future__ import annotations


class Event:
    """What all events have in common: their class name is their kind in the store."""
