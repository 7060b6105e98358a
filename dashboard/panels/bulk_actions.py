"""Actions on several selected runs of the history: compare, tag, archive, delete."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.style import labels
from dashboard.view_models import cycle_selection
from dashboard.widgets import elements
from store import queries
from store.commands.ratings_and_tags import TERMINAL_STATES
from store.database import Store
from store.queries import Run

_MOST_COMPARED = 6


def bulk_actions(store: Store, runs: Sequence[Run]) -> None:
    """Draw the buttons for the selected runs."""
    with st.container(border=True):
        elements.plain_text(f"{len(runs)} runs selected: {', '.join(run.title for run in runs)}")
        with st.container(horizontal=True, vertical_alignment="center"):
            _compare(store, runs)
            if store_commands.is_allowed("archive"):
                _archive(runs)
            if store_commands.is_allowed("delete"):
                _delete(runs)
        if store_commands.is_allowed("annotate"):
            _tag(runs)


def _compare(store: Store, runs: Sequence[Run]) -> None:
    """Draw a link to the last compared cycle of each run, at most six of them."""
    compared = queries.compared_cycles(store)
    keys = [cycle_selection.key_of(run.id, compared[run.id][-1]) for run in runs if compared.get(run.id)]
    if len(keys) < 2:
        st.caption("A comparison needs two runs with an evaluated cycle.", width="content")
        return
    label = "Compare" if len(keys) <= _MOST_COMPARED else f"Compare the first {_MOST_COMPARED}"
    st.page_link("app_pages/compare.py", label=label, icon=":material/compare_arrows:",
                 query_params={"cycles": ",".join(keys[:_MOST_COMPARED])})


def _archive(runs: Sequence[Run]) -> None:
    archived = all(run.archived for run in runs)
    if st.button("Unarchive" if archived else "Archive", icon=":material/archive:", key="archive many"):
        _for_each(runs, lambda run: store_commands.archive(run.id, not archived))


def _delete(runs: Sequence[Run]) -> None:
    """Draw the confirmation; runs that have not ended stay."""
    ended = [run for run in runs if run.work in TERMINAL_STATES]
    with st.popover("Delete …", icon=":material/delete:"):
        if not ended:
            st.caption("Only runs that have ended can be deleted: cancel them first.")
            return
        st.markdown(f"**Delete {labels.count(len(ended), 'run')}?**")
        elements.plain_text("\n".join(run.title for run in ended))
        if len(ended) < len(runs):
            st.caption(f"{labels.count(len(runs) - len(ended), 'run')} that has not ended stays.")
        st.markdown(labels.DELETION)
        if st.button(":red[Yes, delete them]", icon=":material/delete:", key="delete many"):
            _for_each(ended, lambda run: store_commands.delete(run.id))


def _tag(runs: Sequence[Run]) -> None:
    with st.form("tag many", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        tags = st.text_input("Add tags, separated by commas", max_chars=400, help="Every run keeps its own tags too.")
        if st.form_submit_button("Add") and tags.strip():
            _for_each(runs, lambda run: store_commands.annotate(run.id, (*run.tags, *tags.split(",")), run.note))


def _for_each(runs: Sequence[Run], do: Callable[[Run], bool]) -> None:
    """Execute a command on every run; redraw the page unless one was refused, which is shown."""
    done = [do(run) for run in runs]
    if all(done):
        st.rerun()
