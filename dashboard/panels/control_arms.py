"""Results of a run's control arms: forest plot, table, gap closed to the teacher; and the intermediate checkpoints."""

from __future__ import annotations

import dataclasses

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.control_arms import forest
from dashboard.figures.learning_curve_in_cycle import learning_curve_in_cycle
from dashboard.style import labels
from dashboard.view_models.control_arms import comparisons, gap_rows, prompt_lines, table
from dashboard.widgets import elements
from store.analysis.reading_verdict import reading_sentence
from store.database import Store
from store.queries import Run
from store.run_config import OFFLINE_TEACHER


def control_arms(store: Store, run: Run, metric: str) -> bool:
    """Draw the results of the arms; False if the run has none, or none yet."""
    arms = cached_queries.arms(store, run)
    lines = comparisons(arms.changes, metric)
    if not lines:
        return False
    st.subheader("Control arms (baselines)")
    st.caption(labels.ARMS_NOTE)
    elements.chart(forest, "control arms", "Every control arm against the untrained and the fine-tuned student, with "
                   "95% intervals", lines, metric)
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


def reading(store: Store, run: Run) -> None:
    """Draw the verdict on reading; nothing if the run did not compare it."""
    if sentence := reading_sentence(cached_queries.arms(store, run).changes, run.config):
        elements.plain_text(sentence)


def curve_along_training(store: Store, run: Run) -> None:
    """Draw the test scores at intermediate checkpoints; nothing if they were not evaluated."""
    rows = cached_queries.curve(store, run)
    if rows:
        st.markdown("**During training**")
        st.caption(labels.ALONG_TRAINING_NOTE)
        elements.chart(learning_curve_in_cycle, "along training",
                       "The held-out test after a quarter, half and all steps", rows)
