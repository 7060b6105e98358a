"""What a run took: cycles that came through, training time, the whole time, the teacher's cost."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.config import OFFLINE_TEACHER
from store.queries import Cycle, Run, SuccessRate, TeacherUsage


def run_facts(run: Run, cycles: Sequence[Cycle], rate: SuccessRate, used: TeacherUsage | None) -> None:
    """Four tiles; counts and never a percentage, because runs have few cycles."""
    trained = [cycle.training_seconds for cycle in cycles if cycle.training_seconds is not None]
    offline = run.config.teacher == OFFLINE_TEACHER
    tiles = [
        ("Success rate", f"{rate.succeeded} of {labels.count(rate.ended, 'cycle')}" if rate.ended else labels.DASH,
         "Cycles that came to a tuned and compared student, of those that ended. Fine-tuning off counts as none."),
        ("Training time", labels.duration(sum(trained)) if trained else labels.DASH,
         f"Fine-tuning alone, {labels.count(len(trained), 'cycle')}."),
        ("Whole run" if run.ended_at else "So far", labels.duration(labels.run_seconds(run)),
         "From the first start to the end, waiting included."),
        ("Teacher's cost", "none" if offline else labels.money(used.cost_usd) if used else labels.DASH,
         "The offline teacher costs nothing." if offline else "At list prices."),
    ]
    with st.container(border=True), st.grid(4, gap="small", min_column_width=130):
        for label, value, help_text in tiles:
            st.metric(label, value, help=help_text)


def failure(run: Run) -> None:
    """Why a run failed, and what to do about it."""
    with st.container(border=True):
        st.markdown(":red[**What went wrong, and what to do**]")
        elements.plain_text(f"{(run.error_kind or 'error').capitalize()}: {run.error or ''}")
        if run.advice:
            elements.plain_text(f"→ {run.advice}")
