"""What the control arms answered to one question, what was put before them, and how they scored."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries
from dashboard.style import labels
from dashboard.widgets import elements
from store.control_arms import ARMS
from store.database import Store
from store.queries import AnswerPair, ArmAnswer, Run


def control_arm_answers(store: Store, run: Run, pair: AnswerPair) -> None:
    """Closed until somebody asks; nothing where no arm answered this question."""
    given = [answer for answer in cached_queries.arm_answers(store, run) if answer.question == pair.question]
    if not given:
        return
    with st.expander("What the control arms answered", icon=":material/science:"):
        for answer in given:
            _one(answer)


def _one(answer: ArmAnswer) -> None:
    st.markdown(f"**{ARMS[answer.arm].title}**")
    st.caption(ARMS[answer.arm].how)
    elements.verbatim(answer.text, answer.missing)
    st.caption("; ".join(f"{labels.metric_short(name)} {labels.number(value)}" for name, value in answer.scores.items())
               + ("; cut off at the token or time limit" if answer.cut_off else ""))
    if answer.prompt:
        st.caption("It was asked:")
        elements.verbatim(answer.prompt)
