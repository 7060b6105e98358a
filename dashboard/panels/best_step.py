"""The scores on the development questions along each cycle's training, and the step that was kept."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, series_cache
from dashboard.figures.loss_curves import dev_scores
from dashboard.style import labels
from dashboard.widgets import elements
from store.analysis.step_choice import step_sentences
from store.database import Store
from store.dev_split import step_metric
from store.queries import Run


def best_step(store: Store, run: Run) -> None:
    """Draw them; nothing for a run that keeps the last step."""
    if not run.config.chooses_step:
        return
    metric = step_metric(run.config.headline)
    key = f"dev_{metric}"
    st.subheader("Development questions along training")
    if points := series_cache.series(store, run, key):
        elements.chart(dev_scores, "dev scores",
                       f"{labels.metric(metric)} on the development questions over optimizer steps, one line a cycle",
                       points, labels.metric(metric), version=series_cache.version(store, run, key))
    else:
        st.caption("No step was scored." if run.ended_at else "No step has been scored yet.")
    for sentence in step_sentences(cached_queries.cycles(store, run)):
        st.caption(sentence)
