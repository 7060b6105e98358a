"""Sidebar status: whether a runner is online."""

from __future__ import annotations

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard.access import store_access
from dashboard.session import stale_page
from dashboard.style import labels
from store import queries
from store.database import StoreError


@st.fragment(run_every=3)
def runner_banner() -> None:
    """Draw the number of connected runners, refreshed every 3 seconds."""
    _status()
    stale_page.redraw_if_stale()


def _status() -> None:
    try:
        store = store_access.read_store()
        connected = queries.connected_runners(store) if store else []
    except (StoreError, SQLAlchemyError):
        return  # the page reports it
    if not connected:
        st.warning(labels.NO_RUNNER, icon=":material/link_off:")
    elif len(connected) == 1:
        st.badge("Runner online", icon=":material/link:", color="green")
    else:
        st.badge(f"{len(connected)} runners online", icon=":material/link:", color="green")
