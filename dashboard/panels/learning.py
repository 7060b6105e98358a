"""How the scores developed: all metrics by cycle, knowledge of each cycle's facts, checkpoints, generalization gap."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.metrics_by_cycle import metrics_by_cycle
from dashboard.figures.taught_facts import taught_facts
from dashboard.panels import control_arms, verdict
from dashboard.panels.best_step import best_step
from dashboard.style import labels
from dashboard.view_models import run_selection
from dashboard.view_models.taught_facts import knowledge_by_cycle
from dashboard.widgets import elements
from store.database import Store
from store.queries import AnswerPair, ChangeRow, Run
from store.run_config import TAUGHT


def learning(store: Store, run: Run, changes: list[ChangeRow], metrics: list[str], metric: str) -> None:
    """Draw the development over cycles and within each training.

    Args:
        store: where the answers and checkpoints are read from.
        run: the run.
        changes: all its changes.
        metrics: its metrics, the headline first.
        metric: the chosen one.
    """
    elements.chart(metrics_by_cycle, "learning curve", "All metrics by cycle", changes, metrics,
                   run.config.headline_tier)
    if known := knowledge_by_cycle(_answers(store, run, changes), metric):
        st.markdown("**Knowledge of each cycle's facts**")
        st.caption(labels.TAUGHT_FACTS_NOTE)
        elements.chart(taught_facts, "taught facts", "Score of the facts that each cycle taught, after every cycle",
                       known, metric)
    control_arms.curve_along_training(store, run)
    best_step(store, run)
    verdict.memorisation(changes, run.config.headline_tier)


def _answers(store: Store, run: Run, changes: Sequence[ChangeRow]) -> list[AnswerPair]:
    """The answers of all cycles, if there are several and taught facts were tested: else none has to be read."""
    cycles = cached_queries.cycles(store, run)
    if len(cycles) < 2 or TAUGHT not in run_selection.tiers_in(changes):
        return []
    return [pair for one in cycles for pair in cached_queries.answers(store, run, one.cycle)]
