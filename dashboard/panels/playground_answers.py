"""One question with what each arm has said so far, side by side; and, where nothing comes, why."""

from __future__ import annotations

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.commands.playground import ANSWERING, DONE, FAILED, WAITING, ArmAnswer
from store.database import Store
from store.queries import PlaygroundQuestion

_TITLES = {"baseline": ":blue[**○ Before (untrained)**]", "tuned": ":orange[**● After (tuned)**]",
           "teacher": "**Teacher**"}


def playground_answers(store: Store, asked: PlaygroundQuestion) -> None:
    """The question, how it stands, and the arms' words."""
    elements.plain_text(asked.question)
    if asked.state == FAILED:
        st.error("This question could not be answered:", icon=":material/error:")
        elements.plain_text(asked.error or "")
    elif asked.state != DONE and not queries.connected_runners(store):
        st.warning(f"It waits, and nobody is there to answer. {labels.NO_RUNNER}", icon=":material/link_off:")
    else:
        st.caption(_how_it_stands(store, asked))
    speaking = [said for said in asked.said if not said.silent]
    for column, said in zip(st.columns(len(speaking)) if speaking else [], speaking, strict=True):
        with column:
            _arm(said, asked)
    for said in asked.said:
        if said.silent:
            paid = f" Receipt: {said.bill.sentence()}" if said.bill else ""
            elements.plain_text(f"{said.arm.capitalize()}: no answer ({said.silent}){paid}")


def _how_it_stands(store: Store, asked: PlaygroundQuestion) -> str:
    if asked.state == ANSWERING:
        speaking = next((said.arm for said in asked.said if not said.finished and not said.silent), None)
        return "The runner answers …" if speaking else "The runner loads the student …"
    if asked.state == WAITING:
        if queries.runs_at_work(store):
            return "It waits: a run is at work, and a device does one thing at a time. The answer comes when it ends."
        before = queries.questions_ahead(store, asked.id)
        return f"It waits; {before} before it." if before else "It waits for the runner to begin …"
    took = (asked.ended_at - asked.asked_at).total_seconds() if asked.ended_at else 0.0
    return f"Answered {labels.duration(took)} after it was asked."


def _arm(said: ArmAnswer, asked: PlaygroundQuestion) -> None:
    st.markdown(_TITLES[said.arm])
    if said.text:
        elements.verbatim(said.text)
    elif said.finished:
        elements.verbatim(None, "no words")
    else:
        elements.plain_text("…" if asked.active else "(nothing)")
    if said.bill:
        elements.plain_text(f"Receipt: {said.bill.sentence()}")
