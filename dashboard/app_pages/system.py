"""For whoever looks after it: runners, the machine's plan, models, the store and its copies, versions."""

from __future__ import annotations

import streamlit as st

from dashboard import opening, premises, text
from dashboard.panels import system_view
from store import queries
from store.locations import locations

st.title("System")
places, store = locations(), opening.reading_if_usable()

st.subheader("Runners")
system_view.runners(queries.runners(store) if store else [])

st.subheader("Hardware and plan")
system_view.plan(queries.all_runs(store, limit=20) if store else [])

st.subheader("Store")
if store:
    system_view.store_facts(queries.store_facts(store))
else:
    st.caption(text.NO_STORE)
system_view.things(premises.things(places), premises.free_bytes(places), str(places.data))

st.subheader("Versions")
system_view.versions(queries.made_with(store) if store else None)
