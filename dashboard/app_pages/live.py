"""Monitor a run: stages, losses and errors as they happen; pause, resume, cancel, retry."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_access
from dashboard.panels.run_monitor import run_monitor
from dashboard.session import url_state
from dashboard.view_models import event_sentences, export_rows, run_selection
from dashboard.widgets import elements
from store import queries
from store.queries.memory import memory_by_stage

TICK_SECONDS = 2

elements.page_title(
    "Live",
    "One run as it is executed: stages, training curves, errors; here it is paused, cancelled or retried.")
store, runs = store_access.runs_or_stop("live")
run = url_state.choose_run(runs, run_selection.newest_active(runs))


@st.fragment(run_every=TICK_SECONDS if run.active else None)
def tick() -> None:
    """Poll the run. When its state has changed, rerun the whole page, which has no timer once the run has ended."""
    with store_access.store_errors_shown():
        now = queries.find_run(store, run.id)
        if now is None or now.work != run.work:
            st.rerun()
        run_monitor(store, now)


tick()

with st.container(horizontal=True):
    elements.export_buttons(lambda: event_sentences.rows(queries.latest_events(store, run.id, None)), f"log-{run.id}",
                            "log",
                            "Event log")
    elements.export_buttons(lambda: export_rows.number_rows(queries.all_series(store, run.id)), f"numbers-{run.id}",
                            "numbers",
                            "All metrics")
    elements.export_buttons(lambda: export_rows.memory_rows(memory_by_stage(store, run.id)), f"memory-{run.id}",
                            "memory",
                            "Memory by stage")
