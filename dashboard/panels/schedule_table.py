"""Table of schedules, and actions on the selected one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.session import identity
from dashboard.style import labels
from dashboard.view_models import event_sentences
from dashboard.widgets import elements
from store import queries
from store.commands import schedules
from store.database import Store
from store.queries import Schedule

_OUTCOMES = {"fired": "✓ queued a run", "skipped": "○ skipped", "missed": "– missed", "failed": "✗ failed"}


def schedule_table(found: Sequence[Schedule]) -> Schedule | None:
    """Draw all schedules; returns the selected one."""
    table = elements.data_table([_row(one) for one in found], key="schedule table", **elements.SELECTS_ROW)
    row = elements.selected_row(table, len(found))
    return None if row is None else found[row]


def schedule_actions(store: Store, one: Schedule) -> None:
    """Draw the buttons to pause, resume or remove a schedule, and its history."""
    with st.container(border=True):
        elements.plain_text(f"{one.name}\n{one.timing.describe}, added by {one.added_by}")
        with st.container(horizontal=True, vertical_alignment="center"):
            if one.last_run:
                st.page_link("app_pages/live.py", label="Latest run", icon=":material/monitor_heart:",
                             query_params={"run": one.last_run})
            if store_commands.is_allowed("schedule"):
                _buttons(one)
        with st.expander("Runs of this schedule", icon=":material/history:", expanded=True):
            entries = queries.latest_events(store, one.stream)
            elements.table(event_sentences.table(entries), "schedule-history", "schedule history",
                           event_sentences.rows(entries))


def _buttons(one: Schedule) -> None:
    label, icon, act = (("Pause", ":material/pause:", schedules.pause) if one.enabled
                        else ("Resume", ":material/play_arrow:", schedules.resume))
    if st.button(label, icon=icon, key="schedule pause"):
        _do(act, one.name)
    with st.popover("Remove", icon=":material/delete:"):
        st.text("It will queue no more runs. Its past runs are kept.")
        if st.button("Remove this schedule", key="schedule remove", type="primary"):
            _do(schedules.remove, one.name)


def _do(act: Callable[..., None], name: str) -> None:
    if store_commands._execute(lambda store: act(store, name, role=identity.current_user().role)):
        st.rerun()


def _row(one: Schedule) -> dict[str, object]:
    return {"name": one.name, "when": one.timing.describe,
            "next due": elements.local_time(one.next_due_at) if one.enabled else "paused",
            "last due": elements.local_time(one.last_due_at),
            "last outcome": _OUTCOMES.get(one.last_outcome or "", labels.DASH), "reason": one.last_message or "",
            "settings": f"{one.config.preset}, {labels.count(one.config.questions, 'question')}, "
                        f"{labels.count(one.config.cycles, 'cycle')}"}
