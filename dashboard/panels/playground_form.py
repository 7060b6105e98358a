"""The playground form: a question to the students of a run. A double click submits one question."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries, store_commands
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import launch_request
from dashboard.widgets import elements
from store.commands.playground import MAX_QUESTION_LENGTH, UNTRAINED
from store.costs import playground_budget
from store.costs.prices import price_fault
from store.database import Store
from store.queries import Cycle, Run

_TICKET = "question ticket"


def playground_form(store: Store, run: Run, cycles: Sequence[Cycle]) -> bool:
    """Draw the form; True once a question was submitted, whose number is then in the URL."""
    cycle = _cycle(store, run, cycles)
    if not store_commands.is_allowed("ask"):
        st.caption("Reviewers and operators can ask; their questions are shown below.")
        return False
    with st.form("playground", border=False):
        question = st.text_area("Question", key="playground question", max_chars=MAX_QUESTION_LENGTH, height=90,
                                placeholder="What does a readiness probe do?")
        with_teacher = playground_budget.is_paid(run.config) and _teacher_checkbox(store, run)
        st.caption(f"A student's answer has at most {run.config.max_new_tokens} tokens, as in the run.")
        pressed = st.form_submit_button("Ask", icon=":material/send:", type="primary", key="playground ask")
    return pressed and _submit(run, cycle, question, with_teacher)


def _teacher_checkbox(store: Store, run: Run) -> bool:
    """Draw the maximum cost of a paid teacher and the checkbox that includes it; no checkbox if the budget is used up.

    Hiding the checkbox is only a courtesy: the runner checks the budget again before it calls the teacher.
    """
    if price_fault():  # the page says so already
        elements.plain_text(f"The teacher {run.config.teacher} cannot be asked while the price file cannot be used.")
        return False
    most = playground_budget.estimate(run.config)
    remaining = playground_budget.remaining_budget(store, run.id, run.config)
    if refused := playground_budget.check_budget(most, remaining):
        elements.plain_text(f"The teacher {run.config.teacher} cannot be asked: {refused}")
        return False
    elements.plain_text(f"{most.sentence()} {remaining.sentence() if remaining else ''}")
    costs = "which may cost money" if most.cost_usd is None else f"at most {labels.money(most.cost_usd)}"
    return st.checkbox(f"Ask the teacher too: one call, {costs}", key="playground teacher",
                       help="Its answer is shown next to the students', with its cost.")


def _cycle(store: Store, run: Run, cycles: Sequence[Cycle]) -> int:
    """Select the cycle whose adapter answers, at first the one that is kept; `UNTRAINED` if the run has no adapter."""
    trained = [str(cycle.cycle) for cycle in cycles if cycle.adapter]
    if not trained:
        st.info("This run has no adapter (yet): only its untrained student can answer.", icon=":material/info:")
        return UNTRAINED
    best = cached_queries.best(store, run)
    kept = str(best.cycle) if best and str(best.cycle) in trained else trained[-1]
    chosen = int(url_state.choose("Checkpoint", "cycle", trained, kept, lambda name: labels.cycle(int(name)),
                                  "The adapter of this cycle answers, and the untrained student next to it."))
    if best and len(trained) > 1:
        st.caption(best.sentence_on(chosen))
    return chosen


def _submit(run: Run, cycle: int, question: str, with_teacher: bool) -> bool:
    ticket = launch_request.next_token(st.session_state.get(_TICKET), time.time())
    # The text is part of the token: a different question is never taken for a double click.
    digest = hashlib.sha256(f"{run.id} {cycle} {with_teacher} {question}".encode()).hexdigest()[:16]
    number = store_commands.ask_question(run.id, cycle, question, with_teacher, f"ask {ticket.token} {digest}")
    if number is None:
        return False
    st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
    st.query_params["asked"] = str(number)
    return True
