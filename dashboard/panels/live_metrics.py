"""The latest metrics of an active run as tiles: stage progress, tokens per second, loss, memory."""

from __future__ import annotations

import streamlit as st

from dashboard.access import series_cache
from dashboard.style import labels
from store.database import Store
from store.queries import Run

SPEEDS = ("tokens_per_second", "training_tokens_per_second")


def live_metrics(store: Store, run: Run) -> None:
    """Draw the tiles; a dash where nothing was measured yet."""
    speed, loss = series_cache.newest(store, run, *SPEEDS), series_cache.newest(store, run, "loss")
    memory = series_cache.series(store, run, "peak_rss_bytes")
    most = max((point.value for point in memory if point.value is not None), default=None)
    titles = {row.stage: row.title for row in run.flow}
    tiles = [
        ("Stage progress", f"{run.done} of {run.total}" if run.total else labels.DASH,
         f"{(run.unit or 'items').capitalize()} done in the current stage."),
        ("Tokens per second", f"{speed.value:,.0f}" if speed and speed.value is not None else labels.DASH,
         f"Last measured{f' in: {titles.get(speed.stage, speed.stage)}' if speed else ''}."),
        ("Training loss", labels.number(loss.value) if loss else labels.DASH,
         f"Step {loss.step} of cycle {loss.cycle}; {loss.unit}." if loss else "No training step yet."),
        ("Peak memory", labels.DASH if most is None else f"{most / 1e9:.2f} GB", "Resident memory of the worker."),
    ]
    with st.grid(4, gap="small", min_column_width=140):
        for label, value, help_text in tiles:
            st.metric(label, value, border=True, height="stretch", help=help_text)
