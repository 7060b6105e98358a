"""Numbered points at which a process is killed or gets a fault: around transactions, renames, syncs and external calls.

They are injected by replacing functions in the tested process; the program itself has no such code.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import database

FAULTS = {"no space": errno.ENOSPC, "input/output error": errno.EIO, "read-only": errno.EROFS}


@dataclass
class Plan:
    """The planned faults of one trial, in order; stored in a file, so that it survives the killed processes."""

    path: Path

    def next_for(self, role: str) -> dict[str, Any] | None:
        """Return the next planned fault if it is for this role."""
        left = self.left()
        return left[0] if left and left[0]["role"] == role else None

    def left(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.path.read_text())
        return found

    def done(self) -> None:
        """Remove the next planned fault: it has happened."""
        self.write(self.left()[1:])

    def write(self, left: list[dict[str, Any]]) -> None:
        aside = self.path.with_suffix(f".{os.getpid()}")
        with aside.open("w") as file:
            file.write(json.dumps(left))
        _rename(aside, self.path)


class Points:
    """Counts the points that this process's main thread passes; at the planned one, kills it or raises."""

    def __init__(self, role: str, plan: Plan, boss: int | None = None, trace: Path | None = None) -> None:
        self._role, self._plan, self._boss = role, plan, boss
        self._armed = plan.next_for(role)
        self._main = threading.main_thread()
        self._trace = trace.open("a", buffering=1) if trace else None
        self.count = 0

    def passes(self, name: str) -> None:
        """Pass a point."""
        if threading.current_thread() is not self._main:
            return
        self.count += 1
        if self._trace:
            self._trace.write(f"{self._role} {self.count} {name}\n")
        if self._armed and self.count == self._armed["point"]:
            armed, self._armed = self._armed, None
            self._plan.done()
            if armed["does"] in FAULTS:
                raise OSError(FAULTS[armed["does"]], f"{armed['does']}, planned at {name}")
            if armed["does"] == "kill both" and self._boss:
                os.kill(self._boss, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Wrap a function with a point before and after it."""
        @functools.wraps(function)
        def with_points(*arguments: Any, **named: Any) -> Any:
            self.passes(f"before {name}")
            result = function(*arguments, **named)
            self.passes(f"after {name}")
            return result
        return with_points

    def put_in(self) -> None:
        """Replace the functions that write: transactions, renames, syncs, deletions."""
        whole = database.Store.write
        points = self

        @contextlib.contextmanager
        def write(store: database.Store) -> Iterator[Any]:
            points.passes("before transaction")
            with whole(store) as connection:
                yield connection
                points.passes("inside transaction")
            points.passes("after transaction")

        database.Store.write = write  # type: ignore[method-assign, assignment]
        for name in ("replace", "rename", "fsync", "unlink"):
            setattr(os, name, self.around(getattr(os, name), name))


_rename = os.rename
