"""Overview shows a forecast beside the result, and System how often forecasts held."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from store.event_log.journal import append_without_claim
from store.events import ForecastRegistered, ForecastScored, PilotRecord
from tests.dashboard import stores
from tests.dashboard.conftest import words_of

Opened = Callable[..., AppTest]
PILOTS = tuple(PilotRecord(f"pilot-{size}", size, 0.1, 0.08, size - 1.0, size, 0.4) for size in (12, 24, 48))


def with_forecast(folder: Path, low: float, held: bool | None) -> str:
    """A finished run that had a forecast; without `held` the run waits for a decision and nothing is scored."""
    store = stores.store_at(folder)
    run = stores.finished(store, stores.long_ago(3), (0.2,)) if held is not None else \
        stores.queued(store, stores.long_ago(2))
    registered = ForecastRegistered("forecast-1", "choice_accuracy", "held-out", 480, 60, 0.21, low, 0.41, 0.9, 0.05,
                                    held is None, PILOTS)
    with store.write() as connection:
        append_without_claim(connection, run, registered)
        if held is not None:
            append_without_claim(connection, run, ForecastScored(0.18, held))
    store.close()
    return run


def test_overview_shows_it_beside_the_result_and_system_counts_it(tmp_path: Path, opened: Opened) -> None:
    run = with_forecast(tmp_path, 0.02, True)
    page = opened(tmp_path, "overview", run=run)
    said, tiles = words_of(page), {tile.label: tile.value for tile in page.metric}
    assert "Forecast before the run" in said and "from 3 pilots of 12, 24, 48 questions." in said
    assert "Measured: +0.18. The forecast held." in said and tiles["Held"] == "yes"
    with_forecast(tmp_path, 0.19, False)
    page = opened(tmp_path, "system")
    assert "1 of 2 forecasts held; 90% expected. Mean width of the interval: 0.30 (accuracy)." in words_of(page)


def test_a_run_that_waits_shows_what_its_forecast_says(tmp_path: Path, opened: Opened) -> None:
    run = with_forecast(tmp_path, 0.02, None)
    said = words_of(opened(tmp_path, "overview", run=run))
    assert "Stop here: even the better end of the interval is below the margin of 0.05" in said
    assert "No forecast has been scored yet" in words_of(opened(tmp_path, "system"))
