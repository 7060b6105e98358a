"""Collect what differs between the numbers of an evidence pack and those computed from its rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
TOLERANCE = 1e-6
"""Relative: other machines and library versions differ in the last digits."""


@dataclass
class Differences:
    """Sentences on what differs, and the number of values compared."""

    found: list[str] = field(default_factory=list)
    compared: int = 0

    def compare(self, place: str, stored: Row, computed: Row) -> None:
        """Compare the fields of `computed` with the stored ones."""
        for name, value in computed.items():
            self.compared += 1
            if not _same(stored.get(name), value):
                self.found.append(f"{place}: {name} is {_shown(stored.get(name))} in the pack, and "
                                  f"{_shown(value)} from its rows")

    def compare_keys(self, place: str, stored: set[Any], computed: set[Any]) -> None:
        """Report rows that the pack lacks, and rows that nothing in it supports."""
        self.found += [f"{place}: the pack has no row for {key_in_words(key)}"
                       for key in sorted(computed - stored, key=str)]
        self.found += [f"{place}: nothing in the pack supports the row for {key_in_words(key)}"
                       for key in sorted(stored - computed, key=str)]


def key_in_words(place: Any) -> str:
    """Name a row of the changes by its (cycle, tier, metric, topic); any other key as it is."""
    if not isinstance(place, tuple):
        return str(place)
    cycle, tier, metric, topic = place
    return f"{metric} on {tier}{f', topic {topic}' if topic else ''}, cycle {cycle}"


def _same(stored: Any, computed: Any) -> bool:
    if isinstance(stored, bool) or isinstance(computed, bool):
        return stored is computed
    if isinstance(stored, int | float) and isinstance(computed, int | float):
        return math.isclose(stored, computed, rel_tol=TOLERANCE, abs_tol=1e-9)
    if isinstance(stored, Mapping) and isinstance(computed, Mapping):
        return stored.keys() == computed.keys() and all(_same(stored[key], computed[key]) for key in stored)
    return bool(stored == computed)


def _shown(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
