"""Detect that an endpoint fails every call in the same way, so that asking can stop early."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TypeVar

from runner.llm.errors import (
    ContentRefused, ContextTooLong, CostLimitReached, NotAsked, ReplyError, RequestRefused, WrongForm,
)

T = TypeVar("T")

MAX_FAILURES = 3
"""Failures of one kind without any success that end asking; a refusal of the request as such ends it at once."""


class RepeatedFailures:
    """Counts failed calls of each purpose. Thread-safe."""

    def __init__(self, name: str, stops: bool = True) -> None:
        """Without `stops` every call is made: in a batch it is paid by then, and its reply is stored."""
        self._name = name
        self._stops = stops
        self._succeeded: set[str] = set()
        self._failed: dict[str, list[ReplyError]] = {}
        self._lock = threading.Lock()

    @property
    def proven(self) -> bool:
        """Whether a call has succeeded; until then calls are best made one by one, for all might be refused."""
        return bool(self._succeeded)

    def stopped(self, purpose: str) -> str | None:
        """Why no further call of a purpose is made, with the last failure and how often it occurred."""
        with self._lock:
            failed = list(self._failed.get(purpose, []))
        if not failed or purpose in self._succeeded:
            return None
        last = failed[-1]
        alike = sum(_kind_of(error) == _kind_of(last) for error in failed)
        refused = isinstance(last, RequestRefused) and not isinstance(last, ContentRefused)
        if alike < (1 if refused else MAX_FAILURES):
            return None
        times = "1 call" if alike == 1 else f"{alike} calls"
        return f"{self._name} gave no usable reply ({purpose}, {times}, no further one was made): {last}"

    def only_the_form(self, purpose: str) -> bool:
        """Whether a purpose failed, if at all, by replies in another form than asked for, lately."""
        with self._lock:
            last = next(reversed(self._failed.get(purpose, [])), None)
        return last is None or isinstance(last, WrongForm)

    def call(self, purpose: str, call: Callable[[], T]) -> T:
        """The result of a call that also reads its reply.

        Raises:
            NotAsked: the calls before it all failed in the same way.
            TeacherError: whatever else the call raises.
        """
        if self._stops and (reason := self.stopped(purpose)):
            raise NotAsked(reason)
        try:
            result = call()
        except (ContextTooLong, CostLimitReached):
            raise
        except ReplyError as error:
            with self._lock:
                self._failed.setdefault(purpose, []).append(error)
            raise
        self._succeeded.add(purpose)
        return result


def _kind_of(error: ReplyError) -> tuple[type, str]:
    """Failures are alike that differ only in numbers, quotations and what stands in brackets."""
    return type(error), re.sub(r"\([^()]*\)|'[^']*'|\"[^\"]*\"|\d+", "", str(error))
