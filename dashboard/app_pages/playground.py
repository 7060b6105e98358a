"""Playground: put one question to the untrained and the fine-tuned student; the runner streams both answers."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_access
from dashboard.panels.playground_answers import playground_answers
from dashboard.panels.playground_form import playground_form
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import export_rows, run_selection
from dashboard.widgets import elements
from store import queries

TICK_SECONDS = 0.5
EARLIER = 100

elements.page_title(
    "Playground",
    "Ask both students the same question. Nothing here is recorded in the run or scored, and a single answer "
    "proves nothing: the verdict is based on the held-out test.")
store, runs = store_access.runs_or_stop("playground")
run = url_state.choose_run(runs, run_selection.newest_finished(runs))
if playground_form(store, run, queries.cycles_of(store, run.id)):
    st.rerun()

earlier = queries.recent_questions(store, EARLIER)
if not earlier:
    elements.empty_state("No questions yet. Type a question above; a connected runner answers it.")
    st.stop()

by_number = {str(one.id): one for one in earlier}
names = {one.id: one.name or one.id for one in runs}
zone = elements.zone()
number = url_state.choose("Recent questions, newest first", "asked", list(by_number),
                          shown=lambda key: labels.asked_label(by_number[key], names.get(by_number[key].run), zone),
                          help_text="Questions of all users: text, run, cycle and time.")
picked = by_number[number]


@st.fragment(run_every=TICK_SECONDS if picked.active else None)
def tick() -> None:
    """Poll the question. When its answer is complete, rerun the whole page, which then has no timer."""
    with store_access.store_errors_shown():
        now = queries.playground_question(store, picked.id)
        if now is None or now.active != picked.active:
            st.rerun()
        playground_answers(store, now)


tick()
elements.export_buttons(export_rows.playground_rows(earlier), "questions", "questions")
