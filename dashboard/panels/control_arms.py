"""The control arms of a run: the forest, what each arm tells, the gap to the teacher, the curve along the training."""

from __future__ import annotations

import dataclasses

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.control_arms import forest
from dashboard.figures.learning_curve_in_cycle import learning_curve_in_cycle
from dashboard.style import labels
from dashboard.view_models.control_arms import comparisons, gap_rows, prompt_lines, table
from dashboard.widgets import elements
from store.config import OFFLINE_TEACHER
from store.database import Store
from store.queries import Run


def control_arms(store: Store, run: Run, metric: str) -> bool:
    """Everything about the arms; False where the run asked for none, or has not come to them."""
    arms = cached_queries.arms(store, run)
    lines = comparisons(arms.changes, metric)
    if not lines:
        return False
    st.subheader("Other ways to an answer")
    st.caption(labels.ARMS_NOTE)
    elements.chart(forest, "control arms", "Every control arm against the untrained and the tuned student, with 95% "
                   "intervals", lines, metric)
    elements.static_table(table(arms.changes, metric))
    elements.export_buttons([dataclasses.asdict(row) for row in arms.changes], f"control-arms-{run.id}", "arms")
    for line in prompt_lines(arms.prompts, run.config.teacher == OFFLINE_TEACHER):
        elements.plain_text(line)
    if arms.gaps:
        st.markdown("**Gap closed**")
        st.caption(labels.GAP_NOTE)
        elements.static_table(gap_rows(arms.gaps))
        elements.export_buttons([dataclasses.asdict(gap) for gap in arms.gaps], f"gap-closed-{run.id}", "gaps")
    return True


def curve_along_training(store: Store, run: Run) -> None:
    """The test along each cycle's training; nothing where it was not asked for."""
    rows = cached_queries.curve(store, run)
    if rows:
        st.markdown("**During training**")
        st.caption(labels.ALONG_TRAINING_NOTE)
        elements.chart(learning_curve_in_cycle, "along training",
                       "The held-out test after a quarter, half and all steps", rows)
