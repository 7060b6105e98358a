"""The buttons that ask something of a run: pause, resume, cancel, retry. Each click is one command."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_commands
from store.commands import TRANSITIONS
from store.queries import Run

_BUTTONS = {"pause": ("Pause", ":material/pause:"), "resume": ("Resume", ":material/play_arrow:"),
            "retry": ("Retry", ":material/replay:"), "cancel": ("Cancel", ":material/stop:")}


def run_commands(run: Run) -> None:
    """A button for every command that means something for this run as it stands."""
    # A lost run is a running one to the store: whoever takes it up obeys what was asked.
    work = "running" if run.work == "lost" else run.work
    kinds = [kind for kind in _BUTTONS if work in TRANSITIONS[kind] and store_commands.is_allowed(kind)]
    if run.stop_requested:
        st.info(f"Asked to {run.stop_requested}; the runner obeys at its next step.", icon=":material/hourglass_top:")
    with st.container(horizontal=True):
        for kind in kinds:
            label, icon = _BUTTONS[kind]
            if st.button(label, icon=icon, key=f"command {kind}", disabled=run.stop_requested == kind):
                _ask(kind, run)


def _ask(kind: str, run: Run) -> None:
    # The event id is part of the token: a double click is one command, the same button later is another.
    if store_commands.command(kind, run.id, f"{kind} {run.id} {run.last_event_id} {run.stop_requested}"):
        st.rerun()
