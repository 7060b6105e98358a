"""Whether anybody will do the work: the runners as last heard of, in the sidebar."""

from __future__ import annotations

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard.access import store_access
from dashboard.session import page_rerun
from dashboard.style import labels
from store import queries
from store.database import StoreError


@st.fragment(run_every=5)
def runner_banner() -> None:
    """One line about the runners; looks again every few seconds, because runners come and go."""
    _say()
    page_rerun.redraw_if_stale()


def _say() -> None:
    try:
        store = store_access.read_store()
        connected = queries.connected_runners(store) if store else []
    except (StoreError, SQLAlchemyError):
        return  # the page says it, once
    if not connected:
        st.warning(labels.NO_RUNNER, icon=":material/link_off:")
    elif len(connected) == 1:
        st.badge("A runner is connected.", icon=":material/link:", color="green")
    else:
        st.badge(f"{len(connected)} runners are connected.", icon=":material/link:", color="green")
