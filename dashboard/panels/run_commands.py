"""Buttons to pause, resume, retry or cancel a run. A double click is one command."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_commands
from store.commands import TRANSITIONS
from store.queries import Run

_BUTTONS = {"pause": ("Pause", ":material/pause:"), "resume": ("Resume", ":material/play_arrow:"),
            "retry": ("Retry", ":material/replay:"), "cancel": ("Cancel", ":material/stop:")}


def run_commands(run: Run) -> None:
    """Draw a button for each command that is possible in the run's state."""
    # The store treats an interrupted run as running: the runner that resumes it executes the command.
    work = "running" if run.work == "lost" else run.work
    for kind, (label, icon) in _BUTTONS.items():
        if work in TRANSITIONS[kind] and store_commands.is_allowed(kind) \
                and st.button(label, icon=icon, key=f"command {kind}", disabled=run.stop_requested == kind):
            _submit(kind, run)


def _submit(kind: str, run: Run) -> None:
    # The event id is part of the token: a double click is one command, the same button later is another one.
    if store_commands.command(kind, run.id, f"{kind} {run.id} {run.last_event_id} {run.stop_requested}"):
        st.rerun()
