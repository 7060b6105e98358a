"""The flags of one question, and a form to add one or withdraw one's own."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.session import identity
from dashboard.widgets import elements
from store.data_origin import FLAGS
from store.events import ItemFlagged
from store.queries import Run
from store.queries.dataset_flags import ItemFlag


def item_flags(run: Run, question: str, flags: Sequence[ItemFlag]) -> None:
    """Draw the flags of a question; people who may flag get the form."""
    person = identity.current_user().name
    for number, flag in enumerate(one for one in flags if one.question_id == question):
        elements.plain_text(f"⚑ {flag.flag}: {flag.reason} ({flag.by}, {elements.local_time(flag.at)})")
        if flag.by == person and store_commands.is_allowed("flag") and \
                st.button("Withdraw", key=f"withdraw {question} {number}", icon=":material/undo:"):
            _record(run, ItemFlagged(question, flag.flag, flag.reason, person, withdrawn=True))
    if not store_commands.is_allowed("flag"):
        return
    with st.popover("Flag this question", icon=":material/flag:"), st.form(f"flag {question}", border=False):
        chosen = st.segmented_control("Flag", FLAGS, default=FLAGS[0], required=True,
                                      help="Whether the reference is wrong, or the question should not be asked.")
        reason = st.text_area("Reason", max_chars=2000, key=f"reason {question}",
                              help="What is wrong, for those who read the report.")
        st.caption("Results stay as they are: the report says how many questions are flagged.")
        if st.form_submit_button("Flag", icon=":material/flag:"):
            _record(run, ItemFlagged(question, str(chosen), reason.strip(), person))


def _record(run: Run, flagged: ItemFlagged) -> None:
    # The run's last event id is part of the token, so that a double click is one flag.
    token = f"flag {run.id} {flagged.question_id} {flagged.flag} {flagged.by} {run.last_event_id}"
    if store_commands.flag(run.id, flagged, token):
        st.rerun()
