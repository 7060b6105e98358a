"""Forecasts as read back, on both databases, and after read models were rebuilt."""

from __future__ import annotations

from store import commands
from store.database import Store
from store.event_log.journal import append_without_claim
from store.events import Event, ForecastRegistered, ForecastScored, PilotRecord
from store.projections.rebuild import rebuild
from store.queries import forecasts
from tests.plain_runs import plain_run

PILOTS = (PilotRecord("a", 12, 0.1, 0.05, 11.0, 12, 0.4), PilotRecord("b", 24, 0.2, 0.04, 23.0, 24, 0.4))
REGISTERED = ForecastRegistered("pilots", "choice_accuracy", "paraphrase", 240, 60, 0.2, -0.1, 0.5, 0.9, 0.05, False,
                                PILOTS)


def append(store: Store, run: str, event: Event) -> None:
    with store.write() as connection:
        append_without_claim(connection, run, event)


def test_a_forecast_is_read_back_with_its_pilots_and_later_with_what_was_measured(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    append(store, run, REGISTERED)
    found = forecasts.forecast_of(store, run)
    assert found and found.pilots == PILOTS and found.stop is False and found.held is None
    assert forecasts.forecast_by(store, "pilots") == found and forecasts.scored_forecasts(store) == []
    append(store, run, ForecastScored(0.3, True))
    scored, = forecasts.scored_forecasts(store)
    assert (scored.run, scored.measured, scored.held) == (run, 0.3, True) and scored.scored_at


def test_rebuilt_read_models_hold_the_same_forecasts(store: Store) -> None:
    run = commands.launch_run(store, plain_run(), "test")
    append(store, run, REGISTERED)
    append(store, run, ForecastScored(0.9, False))
    before = forecasts.forecast_of(store, run)
    with store.write() as connection:
        rebuild(connection)
    assert forecasts.forecast_of(store, run) == before and before
