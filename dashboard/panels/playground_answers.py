"""One playground question with each arm's answer so far, side by side, or the reason why there is none."""

from __future__ import annotations

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.commands.claimed_queue import ANSWERING, DONE, FAILED, WAITING
from store.commands.playground import ArmAnswer
from store.database import Store
from store.queries import PlaygroundQuestion

_TITLES = {"baseline": ":blue[**○ Before (untrained)**]", "tuned": ":orange[**● After (fine-tuned)**]",
           "served": "**◆ Served by serve-model**", "teacher": "**Teacher**"}


def playground_answers(store: Store, asked: PlaygroundQuestion) -> None:
    """Draw the question, its status and the arms' answers."""
    elements.plain_text(asked.question)
    if asked.state == FAILED:
        st.error("This question could not be answered:", icon=":material/error:")
        elements.plain_text(asked.error or "")
    elif asked.state != DONE and not queries.connected_runners(store):
        st.warning(f"Queued. {labels.NO_RUNNER}", icon=":material/link_off:")
    else:
        st.caption(_status(store, asked))
    answered = [answer for answer in asked.said if not answer.silent]
    for column, answer in zip(st.columns(len(answered)) if answered else [], answered, strict=True):
        with column:
            _arm(answer, asked)
    for answer in asked.said:
        if answer.silent:
            cost = f" Cost: {answer.bill.sentence()}" if answer.bill else ""
            elements.plain_text(f"{answer.arm.capitalize()}: no answer ({answer.silent}){cost}")


def _status(store: Store, asked: PlaygroundQuestion) -> str:
    if asked.state == ANSWERING:
        generating = any(not answer.finished and not answer.silent for answer in asked.said)
        return "Generating …" if generating else "Loading the student …"
    if asked.state == WAITING:
        if queries.runs_at_work(store):
            return "Queued: a run is active, and the device is used by one job at a time. The answer follows it."
        ahead = queries.questions_ahead(store, asked.id)
        return f"Queued; {labels.count(ahead, 'question')} ahead." if ahead else "Queued; starting …"
    took = (asked.ended_at - asked.asked_at).total_seconds() if asked.ended_at else 0.0
    return f"Answered {labels.duration(took)} after it was asked."


def _arm(answer: ArmAnswer, asked: PlaygroundQuestion) -> None:
    st.markdown(_TITLES[answer.arm])
    if answer.text:
        elements.verbatim(answer.text)
    elif answer.finished:
        elements.verbatim(None, "empty answer")
    else:
        elements.plain_text("…" if asked.active else "(no answer)")
    if answer.bill:
        elements.plain_text(f"Cost: {answer.bill.sentence()}")
