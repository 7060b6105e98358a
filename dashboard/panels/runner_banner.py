"""Whether anybody will do the work: the runners as last heard of, in the sidebar."""

from __future__ import annotations

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard import opening, page_shown, text
from store import queries
from store.database import Store, StoreUnusable
from store.queries import RunnerState


@st.fragment(run_every=5)
def runner_banner() -> None:
    """One line about the runners; looks again every few seconds, because runners come and go."""
    _say()
    page_shown.keep()


def _say() -> None:
    try:
        store = opening.reading()
        there = connected(store) if store else []
    except (StoreUnusable, SQLAlchemyError):
        return  # the page says it, once
    if not there:
        st.warning(text.NO_RUNNER, icon=":material/link_off:")
    elif len(there) == 1:
        st.badge("A runner is connected.", icon=":material/link:", color="green")
    else:
        st.badge(f"{len(there)} runners are connected.", icon=":material/link:", color="green")


def connected(store: Store) -> list[RunnerState]:
    """The runners that were heard of lately."""
    return [runner for runner in queries.runners(store) if runner.connected]
