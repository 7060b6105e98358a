"""Read what an endpoint's list of models says: whether it has a model, and when it will be shut down. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from runner.llm.unicode_repair import storable

_DATE_FIELDS = ("shutdown_date", "shutdown", "deprecation_date", "sunset_date")


@dataclass(frozen=True)
class ServedModels:
    """The list of an endpoint, as far as it can be read."""

    names: tuple[str, ...]
    """Empty where the endpoint serves no list."""
    shutdown: date | None = None
    """Of the model that was looked for; None where the list states none."""


def read_models(value: Any, model: str) -> ServedModels:
    """The names in a decoded list of models, and the shutdown date of one of them."""
    rows = value.get("data", value.get("models")) if isinstance(value, dict) else value
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    names = tuple(storable(str(row.get("id") or row.get("name") or "")) for row in found)
    its_own = next((row for row, name in zip(found, names, strict=True) if name == model), {})
    dates = [its_own.get(field) for field in _DATE_FIELDS]
    return ServedModels(tuple(name for name in names if name), _first_date(dates))


def _first_date(values: Sequence[Any]) -> date | None:
    """The first value that is a date: text that begins with one, or seconds since 1970."""
    for value in values:
        try:
            if isinstance(value, str):
                return date.fromisoformat(value.strip()[:10])
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return datetime.fromtimestamp(value, UTC).date()
        except (ValueError, OverflowError, OSError):
            continue
    return None
