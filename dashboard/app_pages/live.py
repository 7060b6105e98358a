"""Follow a run: stages, losses, failures as they happen; pause, resume, cancel, retry."""

from __future__ import annotations

import streamlit as st

from dashboard import address, findings, opening
from dashboard.panels.following import follow
from store import queries

TICK_SECONDS = 2

st.title("Live")
store, runs = opening.runs_or_stop()
run = address.choose_run(runs, findings.newest_active(runs))


@st.fragment(run_every=TICK_SECONDS if run.active else None)
def tick() -> None:
    """Look again; when the run has ended, draw the whole page once more without a timer."""
    with opening.guarded():
        now = queries.run_named(store, run.id)
        if now is None or now.active != run.active:
            st.rerun()
        follow(store, now)


tick()
