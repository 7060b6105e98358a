"""Query the forecasts that were registered before runs started, and whether they held."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from store import schema
from store.database import Store
from store.events import PilotRecord
from store.queries.row_mapping import values_of


@dataclass(frozen=True)
class RunForecast:
    """A run's forecast, and what the run measured; the fields of `ForecastRegistered` and `ForecastScored`."""

    run: str
    group: str
    metric: str
    tier: str
    size: int
    questions: int
    change: float
    low: float
    high: float
    confidence: float
    margin: float
    stop: bool
    pilots: tuple[PilotRecord, ...]
    registered_at: datetime
    measured: float | None = None
    held: bool | None = None
    scored_at: datetime | None = None


def forecast_of(store: Store, run: str) -> RunForecast | None:
    """Return the forecast of a run; None if it had none."""
    return next(iter(_read(store, schema.forecasts.c.run == run)), None)


def forecast_by(store: Store, group: str) -> RunForecast | None:
    """Return the newest forecast that a group of runs are the pilots of; None if they are no pilots."""
    return next(iter(_read(store, schema.forecasts.c.group_name == group)), None)


def scored_forecasts(store: Store) -> list[RunForecast]:
    """Return the forecasts of all runs that have measured what was forecast, deleted ones too, the newest first."""
    return _read(store, schema.forecasts.c.held.is_not(None))


def _read(store: Store, wanted: Any) -> list[RunForecast]:
    """Return forecasts, the newest first."""
    table = schema.forecasts
    with store.read() as connection:
        rows = connection.execute(select(table).where(wanted)
                                  .order_by(table.c.registered_at.desc(), table.c.run)).all()
    return [_forecast(values_of(row, ("pilots",))) for row in rows]


def _forecast(values: dict[str, Any]) -> RunForecast:
    pilots = tuple(PilotRecord(**pilot) for pilot in values.pop("pilots"))
    return RunForecast(group=values.pop("group_name"), pilots=pilots, **values)
