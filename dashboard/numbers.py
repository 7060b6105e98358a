"""The series of a run at work, kept between looks: only what was logged since the last look is read.

A run of many steps has thousands of numbers, and somebody who follows it looks every two seconds.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

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


def series(store: Store, run: Run, key: str) -> list[Point]:
    """The points of one series, by cycle and step; shared by all sessions, so nobody changes it."""
    numbers = _numbers(store.url, run.id)
    with numbers.lock:
        if numbers.seq < run.last_event_id:
            _catch_up(store, run, numbers)
        if key not in numbers.in_order:
            points = numbers.by_place.get(key, {}).values()
            numbers.in_order[key] = sorted(points, key=lambda point: (point.cycle, point.step))
        return numbers.in_order[key]


def _catch_up(store: Store, run: Run, numbers: _Numbers) -> None:
    begun = numbers.seq >= 0
    new = queries.logged_since(store, run.id, numbers.seq) if begun else queries.all_series(store, run.id)
    for point in new:
        numbers.by_place.setdefault(point.key, {})[point.cycle, point.stage, point.step] = point
        numbers.in_order.pop(point.key, None)
    numbers.seq = run.last_event_id  # later ones may have been read too: they are read again, and are the same


@st.cache_resource(max_entries=8, show_spinner=False)
def _numbers(url: str, run: str) -> _Numbers:
    return _Numbers()
