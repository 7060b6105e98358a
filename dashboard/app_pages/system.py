"""System status for operators: runners, hardware and precision, the store, models, backups, forecasts, versions."""

from __future__ import annotations

import streamlit as st

from dashboard.access import disk_usage, store_access
from dashboard.panels import cluster, forecast, system_panels
from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.paths import default_paths
from store.queries.nodes import nodes
from store.queries.webhooks import all_webhooks

elements.page_title("System", "For operators: runners, hardware, the store and its size, versions.")
paths, store = default_paths(), store_access.reading_if_usable()

st.subheader("Runners")
system_panels.runners(queries.runners(store) if store else [])

st.subheader("Nodes")
cluster.nodes(nodes(store) if store else [], queries.all_runs(store) if store else [])

st.subheader("Queue")
cluster.queue(queries.queue(store) if store else [], len(queries.runs_at_work(store)) if store else 0)

st.subheader("Hardware and precision")
system_panels.plan(queries.all_runs(store, limit=20) if store else [])

st.subheader("Store")
if store:
    system_panels.store_facts(queries.store_facts(store))
else:
    st.caption(labels.NO_STORE)
system_panels.stored_files_table(disk_usage.stored_files(paths), disk_usage.free_bytes(paths), str(paths.data))

st.subheader("Webhooks")
system_panels.webhooks(all_webhooks(store) if store else [])

st.subheader("Forecasts")
if store:
    forecast.forecasts(store)
else:
    st.caption(labels.NO_STORE)

st.subheader("Versions")
system_panels.versions(queries.made_with(store) if store else None)
