"""A question to a run's students, and where to send it. A double click is one question."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Sequence

import streamlit as st

from dashboard import address, asking, launching, text
from store.config import OFFLINE_TEACHER
from store.playground import LONGEST_QUESTION, UNTRAINED
from store.queries import Cycle, Run

_TICKET = "question ticket"


def question_form(run: Run, cycles: Sequence[Cycle]) -> bool:
    """The form; True once a question was put, which then stands in the URL."""
    cycle = _cycle(cycles)
    if not asking.may("ask"):
        st.caption("Asking is for reviewers and operators; what they asked can be read below.")
        return False
    with st.form("playground", border=False):
        words = st.text_area("Question", key="playground question", max_chars=LONGEST_QUESTION, height=90,
                             placeholder="What does a readiness probe do?")
        with_teacher = run.config.teacher != OFFLINE_TEACHER and st.checkbox(
            "Ask the teacher too: one call, which may cost money", key="playground teacher")
        st.caption(f"A student's answer ends after at most {run.config.max_new_tokens} tokens, as in the run.")
        pressed = st.form_submit_button("Ask", icon=":material/send:", type="primary", key="playground ask")
    return pressed and _put(run, cycle, words, with_teacher)


def _cycle(cycles: Sequence[Cycle]) -> int:
    """Whose adapter is asked; none where nothing was trained."""
    trained = [str(cycle.cycle) for cycle in cycles if cycle.adapter]
    if not trained:
        st.info("This run has no adapter (yet): only its untrained student can answer.", icon=":material/info:")
        return UNTRAINED
    return int(address.choose("Tuned student of", "cycle", trained, trained[-1], lambda name: text.cycle(int(name))))


def _put(run: Run, cycle: int, words: str, with_teacher: bool) -> bool:
    ticket = launching.ticket_for(st.session_state.get(_TICKET), time.time())
    # The words are part of the token: another question is another one, however soon it comes.
    what = hashlib.sha256(f"{run.id} {cycle} {with_teacher} {words}".encode()).hexdigest()[:16]
    number = asking.question(run.id, cycle, words, with_teacher, f"ask {ticket.token} {what}")
    if number is None:
        return False
    st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
    st.query_params["asked"] = str(number)
    return True
