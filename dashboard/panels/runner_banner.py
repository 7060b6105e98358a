"""Whether anybody will do the work: the runners as last heard of, in the sidebar."""

from __future__ import annotations

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard import opening, page_shown, text
from store import queries
from store.database import StoreUnusable


@st.fragment(run_every=5)
def runner_banner() -> None:
    """One line about the runners; looks again every few seconds, because runners come and go."""
    _say()
    page_shown.keep()


def _say() -> None:
    try:
        store = opening.reading()
        connected = queries.connected_runners(store) if store else []
    except (StoreUnusable, SQLAlchemyError):
        return  # the page says it, once
    if not connected:
        st.warning(text.NO_RUNNER, icon=":material/link_off:")
    elif len(connected) == 1:
        st.badge("A runner is connected.", icon=":material/link:", color="green")
    else:
        st.badge(f"{len(connected)} runners are connected.", icon=":material/link:", color="green")
