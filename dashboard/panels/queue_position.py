"""A queued run: its position in the queue, the runs before it, and a button to move it to the front."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_commands
from dashboard.style import labels
from store import queries
from store.database import Store
from store.queries import Run

_SHOWN = 5


def queue_sentence(store: Store, run: Run) -> str:
    """The queue position of a queued run; what it waits for where a cluster has no place, or no runner is connected."""
    position = position_sentence(len(_before(store, run)), len(queries.runs_at_work(store)))
    if run.waits_for:
        return f"Waits for a place: {run.waits_for}."
    return position if queries.connected_runners(store) else f"{position} {labels.NO_RUNNER_HINT}"


def runs_ahead(store: Store, run: Run) -> None:
    """Draw links to the runs that are executed before a queued run, and the button to move it to the front."""
    before = _before(store, run)
    with st.container(horizontal=True, vertical_alignment="center"):
        for other in before[:_SHOWN]:
            st.page_link("app_pages/live.py", label=labels.run_link(other), query_params={"run": other.id},
                         icon=labels.work(other.work).icon)
        if before and store_commands.is_allowed("prioritise") and st.button(
                "Move to front", icon=":material/vertical_align_top:", key="command prioritise",
                help="Ahead of all other queued runs. The active run is not interrupted.") \
                and store_commands.prioritise(run.id, f"front {run.id} {run.last_event_id}"):
            st.rerun()


def _before(store: Store, run: Run) -> list[Run]:
    queue = queries.queue(store)
    return queue[:next((index for index, other in enumerate(queue) if other.id == run.id), 0)]


def position_sentence(before: int, at_work: int) -> str:
    """The number of runs that are executed before this one."""
    ahead = f"{labels.count(before, 'run')} ahead in the queue" if before else "Next in the queue"
    busy = f"; {labels.count(at_work, 'run')} active now" if at_work else ""
    return f"{ahead}{busy}."
