"""Recurring runs: what is due when, what came of it, and a form for another."""

from __future__ import annotations

import streamlit as st

from dashboard import asking, opening, planning, showing
from dashboard.panels import schedule_form, schedule_table
from store import queries

st.title("Schedules")
st.caption("A schedule queues a run whenever it is due; a connected runner then works on it. What is due while no "
           "runner serves is recorded as missed, not made up for.")
store = opening.reading_if_usable()
found = queries.schedules(store) if store else []
if found and store:
    chosen = schedule_table.table(found)
    if chosen:
        schedule_table.actions(store, chosen)
    else:
        st.caption("Select a row to pause or remove a schedule, and to see what came of it.")
    showing.take_along(planning.export_rows(found), "schedules", "schedules")
else:
    showing.empty("No schedule yet. Add one below, or with `python -m runner schedule add NAME --every 1d`.")

if asking.may("schedule"):
    st.subheader("Add a schedule")
    schedule_form.form(queries.all_runs(store) if store else [])
