"""Follow a run: stages, losses, failures as they happen; pause, resume, cancel, retry."""

from __future__ import annotations

import streamlit as st

from dashboard import address, export, findings, log_lines, opening, showing
from dashboard.panels.following import follow
from store import queries
from store.queries.memory import memory_by_stage

TICK_SECONDS = 2

st.title("Live")
store, runs = opening.runs_or_stop()
run = address.choose_run(runs, findings.newest_active(runs))


@st.fragment(run_every=TICK_SECONDS if run.active else None)
def tick() -> None:
    """Look again; when its state is another, draw the whole page once more: of an ended run without a timer."""
    with opening.guarded():
        now = queries.run_named(store, run.id)
        if now is None or now.work != run.work:
            st.rerun()
        follow(store, now)


tick()

with st.container(horizontal=True):
    showing.take_along(lambda: log_lines.rows(queries.happenings(store, run.id, None)), f"log-{run.id}", "log",
                       "Event log")
    showing.take_along(lambda: export.number_rows(queries.all_series(store, run.id)), f"numbers-{run.id}", "numbers",
                       "Every number that was logged")
    showing.take_along(lambda: export.memory_rows(memory_by_stage(store, run.id)), f"memory-{run.id}", "memory",
                       "Memory by stage")
