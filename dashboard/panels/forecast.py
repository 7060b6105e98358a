"""Forecasts: of one run, beside its result, and how often all of them held."""

from __future__ import annotations

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.analysis.gain_forecast import advice, forecast_sentences, forecasts_held, outcome
from store.database import Store
from store.metrics import METRICS
from store.program_name import NAME
from store.queries import Run, RunForecast


def forecast_of_run(store: Store, run: Run) -> None:
    """Draw the forecast of a run beside what it measured, or of which run it is a pilot; nothing without either."""
    if found := queries.forecast_of(store, run.id):
        with st.container(border=True):
            st.markdown("**Forecast before the run**")
            _tiles(found)
            elements.plain_text(labels.signed(f"{forecast_sentences(found)[0]} {advice(found)} {outcome(found)}"))
    elif pilots := queries.forecast_by(store, run.group) if run.group else None:
        elements.plain_text("A pilot: a small run from which a larger one was forecast.")
        st.page_link("app_pages/overview.py", label="The run that was forecast", icon=":material/query_stats:",
                     query_params={"run": pilots.run})


def forecasts(store: Store) -> None:
    """Draw how often forecasts held and how wide they were, with a row for each."""
    found = queries.scored_forecasts(store)
    if not found:
        st.caption(f"No forecast has been scored yet: the launch form makes one before a run, as does `{NAME} "
                   "run --forecast`, and the run's end scores it.")
        return
    elements.plain_text(forecasts_held(found))
    elements.data_table([
        {"run": one.run, "metric": labels.metric(one.metric), "training questions": one.size,
         "forecast": labels.change(one.change), "90% interval": labels.interval(one.low, one.high),
         "measured": labels.change(one.measured), "held": "✓ held" if one.held else "✗ did not hold",
         "registered": elements.local_time(one.registered_at)} for one in found])


def _tiles(found: RunForecast) -> None:
    tiles = [("Forecast", labels.change(found.change), "Of the change by the headline metric, from the pilots."),
             ("90% interval", labels.interval(found.low, found.high), "Prediction interval: nine of ten runs should "
              "measure a change within it."),
             ("Measured", labels.change(found.measured), "What the run measured.")]
    if found.held is not None:
        tiles.append(("Held", "yes" if found.held else "no", "Whether the measured change lies in the interval."))
    with st.grid(len(tiles), gap="small", min_column_width=135):
        for label, value, help_text in tiles:
            st.metric(label, value, help=f"{help_text} {METRICS[found.metric].title}.")
