"""The control arms' answers to one question, with their scores and prompts."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries
from dashboard.style import labels
from dashboard.widgets import elements
from store.control_arms import ARMS
from store.database import Store
from store.queries import AnswerPair, ArmAnswer, Run


def control_arm_answers(store: Store, run: Run, pair: AnswerPair) -> None:
    """Draw a closed expander with every arm's answer; nothing if no arm answered this question."""
    answers = cached_queries.arm_answers(store, run, pair.question)
    if not answers:
        return
    with st.expander("Answers of the control arms", icon=":material/science:"):
        for answer in answers:
            _answer(answer)


def _answer(answer: ArmAnswer) -> None:
    st.markdown(f"**{ARMS[answer.arm].title}**")
    st.caption(ARMS[answer.arm].how)
    elements.verbatim(answer.text, answer.missing)
    st.caption("; ".join(f"{labels.metric_short(name)} {labels.number(value)}" for name, value in answer.scores.items())
               + ("; truncated at the token or time limit" if answer.cut_off else ""))
    if answer.prompt:
        st.caption("Prompt:")
        elements.verbatim(answer.prompt)
