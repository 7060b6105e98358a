"""Let a group of calls go on after one of them was postponed, so that all of them are collected for one batch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from runner.llm.errors import CallPostponed


class Postponed:
    """Collects `CallPostponed` from the parts of a group; raises it at the group's end."""

    def __init__(self) -> None:
        self._first: CallPostponed | None = None

    @property
    def any(self) -> bool:
        """Whether a call was postponed so far."""
        return self._first is not None

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Go on after the block if a call in it was postponed; results of the group are then incomplete."""
        try:
            yield
        except CallPostponed as error:
            self._first = self._first or error

    def raise_any(self) -> None:
        """Raise the first postponement, if there was one: the group's results must not be used."""
        if self._first:
            raise self._first
