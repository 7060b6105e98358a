"""A run that waits: its place in the queue, what stands before it, and the way to the front."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_commands
from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.database import Store
from store.queries import Run

_SHOWN = 5


def queue_position(store: Store, run: Run) -> None:
    """Drawn for a queued run only."""
    queue = queries.queue(store)
    before = queue[:next((place for place, other in enumerate(queue) if other.id == run.id), 0)]
    place = position_sentence(len(before), len(queries.runs_at_work(store)))
    elements.plain_text(place if queries.connected_runners(store) else f"{place} {labels.NO_RUNNER_HINT}")
    with st.container(horizontal=True, vertical_alignment="center"):
        for other in before[:_SHOWN]:  # a label is Markdown, and an id holds nothing that acts
            st.page_link("app_pages/live.py", label=other.id, query_params={"run": other.id},
                         icon=labels.work(other.work).icon)
        if before and store_commands.is_allowed("prioritise") and st.button(
                "To the front", icon=":material/vertical_align_top:", key="command prioritise",
                help="Before everything else that waits. What is at work now is not interrupted.") \
                and store_commands.prioritise(run.id, f"front {run.id} {run.last_event_id}"):
            st.rerun()


def position_sentence(before: int, at_work: int) -> str:
    """How many runs come first."""
    waits = f"{labels.count(before, 'run')} before it in the queue" if before else "Next in the queue"
    busy = f"; {labels.count(at_work, 'run')} at work now" if at_work else ""
    return f"{waits}{busy}."
