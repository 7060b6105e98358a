"""The series of a run at work, kept between looks: only what was logged since the last look is read.

A run of many steps has thousands of numbers, and somebody who follows it looks every two seconds.
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

_Place = tuple[int, str, int]
"""Cycle, stage and step: a number that is logged again, as after a stop, takes the place of the first."""


@dataclass
class _Numbers:
    """Every series of one run, as of its event `seq`."""

    seq: int = -1
    lock: threading.Lock = field(default_factory=threading.Lock)
    by_place: dict[str, dict[_Place, Point]] = field(default_factory=dict)
    in_order: dict[str, list[Point]] = field(default_factory=dict)
    newest: dict[str, Point] = field(default_factory=dict)
    logged: Counter[str] = field(default_factory=Counter)


def series(store: Store, run: Run, key: str) -> list[Point]:
    """The points of one series, by cycle and step; shared by all sessions, so nobody changes it."""
    with _refreshed(store, run) as numbers:
        if key not in numbers.in_order:
            numbers.in_order[key] = sorted(numbers.by_place.get(key, {}).values(), key=_order)
        return numbers.in_order[key]


def newest(store: Store, run: Run, *keys: str) -> Point | None:
    """The point of these series that was logged last; None where there is none."""
    with _refreshed(store, run) as numbers:
        return max((numbers.newest[key] for key in keys if key in numbers.newest), key=_when, default=None)


def version(store: Store, run: Run, *keys: str) -> tuple[str, str, int]:
    """Another value whenever anything was logged to these series: stands for all of their points."""
    with _refreshed(store, run) as numbers:
        return store.url, run.id, sum(numbers.logged[key] for key in keys)


@contextmanager
def _refreshed(store: Store, run: Run) -> Iterator[_Numbers]:
    numbers = _numbers(store.url, run.id)
    with numbers.lock:
        if numbers.seq < run.last_event_id:
            _catch_up(store, run, numbers)
        yield numbers


def _catch_up(store: Store, run: Run, numbers: _Numbers) -> None:
    begun = numbers.seq >= 0
    new = queries.logged_since(store, run.id, numbers.seq) if begun else queries.all_series(store, run.id)
    for point in new:
        places, place = numbers.by_place.setdefault(point.key, {}), (point.cycle, point.stage, point.step)
        if begun:
            _keep_in_order(numbers.in_order, point, place in places)
        places[place] = point
        before = numbers.newest.get(point.key)
        if before is None or point.at >= before.at:
            numbers.newest[point.key] = point
    numbers.logged.update(point.key for point in new)
    numbers.seq = run.last_event_id  # later ones may have been read too: they are read again, and are the same


def _keep_in_order(in_order: dict[str, list[Point]], point: Point, again: bool) -> None:
    """Most points come last in their series, and then no other is looked at; a new list, as others read the old one."""
    ordered = in_order.get(point.key)
    if ordered and not again and _order(ordered[-1]) <= _order(point):
        in_order[point.key] = [*ordered, point]
    else:
        in_order.pop(point.key, None)


def _order(point: Point) -> tuple[int, int]:
    return point.cycle, point.step


def _when(point: Point) -> datetime:
    return point.at


@st.cache_resource(max_entries=8, show_spinner=False)
def _numbers(url: str, run: str) -> _Numbers:
    return _Numbers()
