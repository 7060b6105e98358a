"""Run statistics: completed cycles, training time, total time, teacher cost; and the error of a failed run."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.queries import Cycle, Run, SuccessRate, TeacherUsage
from store.run_config import OFFLINE_TEACHER


def run_facts(run: Run, cycles: Sequence[Cycle], rate: SuccessRate, used: TeacherUsage | None) -> None:
    """Draw four tiles; counts instead of percentages, because runs have few cycles."""
    trained = [cycle.training_seconds for cycle in cycles if cycle.training_seconds is not None]
    offline = run.config.teacher == OFFLINE_TEACHER
    tiles = [
        ("Cycles completed", f"{rate.succeeded} of {rate.ended}" if rate.ended else labels.DASH,
         "Ended cycles with a fine-tuned and evaluated student. Cycles without fine-tuning do not count."),
        ("Training time", labels.duration(sum(trained)) if trained else labels.DASH,
         f"Fine-tuning only, {labels.count(len(trained), 'cycle')}."),
        ("Total time" if run.ended_at else "So far", labels.duration(labels.run_seconds(run)),
         "From the first start to the end, including waiting."),
        ("Teacher cost", "none" if offline else labels.money(used.cost_usd) if used else labels.DASH,
         "The offline teacher costs nothing." if offline else "At list prices."),
    ]
    with st.container(border=True), st.grid(4, gap="small", min_column_width=130):
        for label, value, help_text in tiles:
            st.metric(label, value, help=help_text)


def failure(run: Run) -> None:
    """Draw the error of a failed run, or why a run paused itself, and the advice; nothing for another run."""
    if run.work != "failed" and not (run.work == "paused" and run.error):
        return
    paused = run.work == "paused"
    with st.container(border=True):
        st.markdown("**Why the run paused**" if paused else ":red[**Error and advice**]")
        kind = "" if paused else f"{(run.error_kind or 'error').capitalize()}: "
        elements.plain_text(f"{kind}{run.error or ''}")
        if run.advice:
            elements.plain_text(f"→ {run.advice}")
