"""Recurring runs: the schedules, the runs that they queued, and a form to add one."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_access, store_commands
from dashboard.panels import schedule_form, schedule_table
from dashboard.style import labels
from dashboard.view_models import schedule_settings
from dashboard.widgets import elements
from store import queries
from store.commands.schedules import GRACE_SECONDS
from store.program_name import NAME

elements.page_title(
    "Schedules",
    "A schedule queues a run whenever it is due; a connected runner then executes it. Runs due while no runner "
    f"is online are skipped, unless one comes online within {labels.duration(GRACE_SECONDS)}.")
store = store_access.reading_if_usable()
found = queries.schedules(store) if store else []
if found and store:
    chosen = schedule_table.schedule_table(found)
    if chosen:
        schedule_table.schedule_actions(store, chosen)
    else:
        st.caption("Select a row to pause or remove a schedule and to see its runs.")
    elements.export_buttons(schedule_settings.export_rows(found), "schedules", "schedules")
else:
    elements.empty_state(f"No schedule yet. Add one below, or with `{NAME} schedule add NAME --every 1d`.")

if store_commands.is_allowed("schedule"):
    st.subheader("Add a schedule")
    schedule_form.schedule_form(queries.all_runs(store) if store else [])
