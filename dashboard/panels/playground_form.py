"""A question to a run's students, and where to send it. A double click is one question."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import launch_request
from dashboard.widgets import elements
from store.commands.playground import MAX_QUESTION_LENGTH, UNTRAINED
from store.costs import playground_budget
from store.database import Store
from store.queries import Cycle, Run

_TICKET = "question ticket"


def playground_form(store: Store, run: Run, cycles: Sequence[Cycle]) -> bool:
    """The form; True once a question was put, which then stands in the URL."""
    cycle = _cycle(cycles)
    if not store_commands.is_allowed("ask"):
        st.caption("Asking is for reviewers and operators; what they asked can be read below.")
        return False
    with st.form("playground", border=False):
        words = st.text_area("Question", key="playground question", max_chars=MAX_QUESTION_LENGTH, height=90,
                             placeholder="What does a readiness probe do?")
        with_teacher = playground_budget.is_paid(run.config) and _teacher_too(store, run)
        st.caption(f"A student's answer ends after at most {run.config.max_new_tokens} tokens, as in the run.")
        pressed = st.form_submit_button("Ask", icon=":material/send:", type="primary", key="playground ask")
    return pressed and _submit(run, cycle, words, with_teacher)


def _teacher_too(store: Store, run: Run) -> bool:
    """A tick for a teacher that is paid, and before it what a question costs at most; no tick where none is allowed.

    Hiding the tick is a courtesy: what answers looks at the limit once more before it asks.
    """
    most, there = playground_budget.estimate(run.config), playground_budget.remaining_budget(store, run.id, run.config)
    refused = playground_budget.check_budget(most, there)
    if refused:
        elements.plain_text(f"The teacher {run.config.teacher} cannot be asked: {refused}")
        return False
    elements.plain_text(f"{most.sentence()} {there.sentence() if there else ''}")
    costs = "which may cost money" if most.cost_usd is None else f"at most {labels.money(most.cost_usd)}"
    return st.checkbox(f"Ask the teacher too: one call, {costs}", key="playground teacher",
                       help="Its answer stands beside the students', with a receipt of what it cost.")


def _cycle(cycles: Sequence[Cycle]) -> int:
    """Whose adapter is asked; none where nothing was trained."""
    trained = [str(cycle.cycle) for cycle in cycles if cycle.adapter]
    if not trained:
        st.info("This run has no adapter (yet): only its untrained student can answer.", icon=":material/info:")
        return UNTRAINED
    return int(url_state.choose("Tuned student of", "cycle", trained, trained[-1], lambda name: labels.cycle(int(name)),
                                "The untrained student answers beside it."))


def _submit(run: Run, cycle: int, words: str, with_teacher: bool) -> bool:
    ticket = launch_request.next_token(st.session_state.get(_TICKET), time.time())
    # The words are part of the token: another question is another one, however soon it comes.
    what = hashlib.sha256(f"{run.id} {cycle} {with_teacher} {words}".encode()).hexdigest()[:16]
    number = store_commands.ask_question(run.id, cycle, words, with_teacher, f"ask {ticket.token} {what}")
    if number is None:
        return False
    st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
    st.query_params["asked"] = str(number)
    return True
