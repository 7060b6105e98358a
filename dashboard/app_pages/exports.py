"""Exports of a run: let one answer the locked test, and read what was found, metric by metric and answer by answer."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_access
from dashboard.panels.verification_form import verification_form
from dashboard.panels.verification_requests import verification_requests
from dashboard.panels.verified_exports import verified_exports
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import run_selection
from dashboard.widgets import elements
from store import queries
from store.queries.verifications import verification_requests as requests_of

TICK_SECONDS = 1.0

elements.page_title(
    "Is what left this run what was measured?",
    "What was exported of a run answers its locked test again; its answers stand beside the recorded ones.",
    help=labels.EXPORTS_HELP)
store, runs = store_access.runs_or_stop("exports")
run = url_state.choose_run(runs, run_selection.newest_finished(runs))
st.page_link("app_pages/overview.py", label="Overview of this run", icon=":material/verified:",
             query_params={"run": run.id})
if verification_form(run, queries.cycles_of(store, run.id)):
    st.rerun()
active = any(one.active for one in requests_of(store, run.id))


@st.fragment(run_every=TICK_SECONDS if active else None)
def tick() -> None:
    """Poll the requests. When the last one has ended, rerun the whole page, which then has no timer."""
    with store_access.store_errors_shown():
        requests = requests_of(store, run.id)
        if active != any(one.active for one in requests):
            st.rerun()
        verification_requests(store, requests)


tick()
verified_exports(store, run)
