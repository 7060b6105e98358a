"""The control arms of a run: the forest, what each arm tells, the gap to the teacher, the curve along the training."""

from __future__ import annotations

import dataclasses

import streamlit as st

from dashboard import arm_findings, remembered, showing, text
from dashboard.figures.along_training import along_training
from dashboard.figures.control_arms import forest
from store.config import OFFLINE_TEACHER
from store.database import Store
from store.queries import Run


def control_arms(store: Store, run: Run, metric: str) -> bool:
    """Everything about the arms; False where the run asked for none, or has not come to them."""
    arms = remembered.arms(store, run)
    lines = arm_findings.comparisons(arms.changes, metric)
    if not lines:
        return False
    st.subheader("Other ways to an answer")
    st.caption(text.ARMS_NOTE)
    showing.chart(forest, "control arms", "Every control arm against the untrained and the tuned student, with 95% "
                  "intervals", lines, metric)
    showing.words_table(arm_findings.table(arms.changes, metric))
    showing.take_along([dataclasses.asdict(row) for row in arms.changes], f"control-arms-{run.id}", "arms")
    for line in arm_findings.shown_lines(arms.prompts, run.config.teacher == OFFLINE_TEACHER):
        showing.plain(line)
    if arms.gaps:
        st.markdown("**Gap closed**")
        st.caption(text.GAP_NOTE)
        showing.words_table(arm_findings.gap_rows(arms.gaps))
        showing.take_along([dataclasses.asdict(gap) for gap in arms.gaps], f"gap-closed-{run.id}", "gaps")
    return True


def curve_along_training(store: Store, run: Run) -> None:
    """The test along each cycle's training; nothing where it was not asked for."""
    rows = remembered.curve(store, run)
    if rows:
        st.markdown("**During training**")
        st.caption(text.ALONG_TRAINING_NOTE)
        showing.chart(along_training, "along training", "The held-out test after a quarter, half and all steps", rows)
