"""Incremental cache of a run's metric series: each refresh reads only the points logged since the last one.

A long run has thousands of points, and the page Live polls every two seconds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import streamlit as st

from store import queries
from store.database import Store
from store.queries import Point, Run

_Position = tuple[int, str, int]
"""Cycle, stage and step: a point that is logged again, as after a restart, replaces the first one."""


@dataclass
class _SeriesState:
    """All series of one run, up to its event `seq`."""

    seq: int = -1
    lock: threading.Lock = field(default_factory=threading.Lock)
    by_position: dict[str, dict[_Position, Point]] = field(default_factory=dict)
    in_order: dict[str, list[Point]] = field(default_factory=dict)
    newest: dict[str, Point] = field(default_factory=dict)
    logged: Counter[str] = field(default_factory=Counter)


def series(store: Store, run: Run, key: str) -> list[Point]:
    """The points of one series, sorted by cycle and step; shared by all sessions, so callers must not modify it."""
    with _refreshed(store, run) as state:
        if key not in state.in_order:
            state.in_order[key] = sorted(state.by_position.get(key, {}).values(), key=_order)
        return state.in_order[key]


def newest(store: Store, run: Run, *keys: str) -> Point | None:
    """The last logged point of these series; None if there is none."""
    with _refreshed(store, run) as state:
        return max((state.newest[key] for key in keys if key in state.newest), key=_logged_at, default=None)


def version(store: Store, run: Run, *keys: str) -> tuple[str, str, int]:
    """A cache key that changes whenever a point is logged to one of these series."""
    with _refreshed(store, run) as state:
        return store.url, run.id, sum(state.logged[key] for key in keys)


@contextmanager
def _refreshed(store: Store, run: Run) -> Iterator[_SeriesState]:
    state = _state(store.url, run.id)
    with state.lock:
        if state.seq < run.last_event_id:
            _read_new_points(store, run, state)
        yield state


def _read_new_points(store: Store, run: Run, state: _SeriesState) -> None:
    initialized = state.seq >= 0
    new = queries.logged_since(store, run.id, state.seq) if initialized else queries.all_series(store, run.id)
    for point in new:
        points, position = state.by_position.setdefault(point.key, {}), (point.cycle, point.stage, point.step)
        if initialized:
            _append_or_invalidate(state.in_order, point, position in points)
        points[position] = point
        last = state.newest.get(point.key)
        if last is None or point.at >= last.at:
            state.newest[point.key] = point
    state.logged.update(point.key for point in new)
    state.seq = run.last_event_id  # later points may have been read as well; reading them again changes nothing


def _append_or_invalidate(in_order: dict[str, list[Point]], point: Point, replaces: bool) -> None:
    """Append the point to its sorted series if it comes last, as most do; else drop the series to be sorted again.

    Appending makes a new list, because other sessions read the old one.
    """
    ordered = in_order.get(point.key)
    if ordered and not replaces and _order(ordered[-1]) <= _order(point):
        in_order[point.key] = [*ordered, point]
    else:
        in_order.pop(point.key, None)


def _order(point: Point) -> tuple[int, int]:
    return point.cycle, point.step


def _logged_at(point: Point) -> datetime:
    return point.at


@st.cache_resource(max_entries=8, show_spinner=False)
def _state(url: str, run: str) -> _SeriesState:
    return _SeriesState()
