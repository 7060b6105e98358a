"""Ask: one question to the untrained and the tuned student, answered by the runner and shown as it comes."""

from __future__ import annotations

import streamlit as st

from dashboard import address, export, findings, opening, showing, text
from dashboard.panels.question_answers import question_answers
from dashboard.panels.question_form import question_form
from store import queries

TICK_SECONDS = 0.5
EARLIER = 100

st.title("Playground")
st.caption("Ask both students the same question. Nothing here is on the run's record or counts in a score, and one "
           "answer proves nothing: the verdict rests on the held-out test.")
store, runs = opening.runs_or_stop()
run = address.choose_run(runs, findings.newest_finished(runs))
if question_form(store, run, queries.cycles_of(store, run.id)):
    st.rerun()

earlier = queries.recent_asked(store, EARLIER)
if not earlier:
    showing.empty("Nobody has asked anything yet. Type a question above; a connected runner answers it.")
    st.stop()

by_number = {str(one.id): one for one in earlier}
names = {one.id: one.name or one.id for one in runs}
zone = showing.zone()
number = address.choose("Questions so far, newest first", "asked", list(by_number),
                        shown=lambda key: text.asked_label(by_number[key], names.get(by_number[key].run), zone),
                        help_text="What anybody asked here: the question, its run and cycle, and when.")
picked = by_number[number]


@st.fragment(run_every=TICK_SECONDS if picked.active else None)
def tick() -> None:
    """Look again; when the answer is whole, draw the page once more without a timer."""
    with opening.guarded():
        now = queries.asked(store, picked.id)
        if now is None or now.active != picked.active:
            st.rerun()
        question_answers(store, now)


tick()
showing.take_along(export.asked_rows(earlier), "questions", "questions")
