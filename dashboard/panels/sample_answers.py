"""The newest sampled answers of a run, each with its question and reference, while its stages generate them."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries
from dashboard.style import labels
from dashboard.widgets import elements
from store.control_arms import ARMS, BASELINE, TUNED
from store.database import Store
from store.queries import Run

_STUDENTS = {BASELINE: "○ Untrained student", TUNED: "● Fine-tuned student"}


def sample_answers(store: Store, run: Run) -> None:
    """Draw the newest samples, newest first."""
    samples = cached_queries.answer_samples(store, run)
    if not samples:
        st.caption("No answer yet.")
    for sample in samples:
        name = _STUDENTS.get(sample.arm) or (ARMS[sample.arm].title if sample.arm in ARMS else sample.arm)
        st.markdown(f"**{name}**" + (f" · cycle {sample.cycle}" if sample.cycle else ""))
        elements.note(sample.question[:200])
        elements.verbatim(sample.text[:500])
        elements.note(f"Reference: {sample.reference[:300] if sample.reference else labels.DASH}")
