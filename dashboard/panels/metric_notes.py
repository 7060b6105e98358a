"""Metric definitions with their limitations; and the wins and losses with a link to the worst regressions."""

from __future__ import annotations

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.metrics import METRICS
from store.queries import ChangeRow, Run


def wins_line(run: Run, row: ChangeRow | None, metric: str, tier: str) -> None:
    """Draw how many answers of the last cycle got better and worse, with a link to the worst."""
    if row is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{labels.wins(row)}** in cycle {row.cycle} by {labels.metric_within(metric)} "
                    f"({labels.coverage(row.scored, row.asked)}).")
        st.page_link("app_pages/answers.py", label="Worst regressions", icon=":material/compare:",
                     query_params={"run": run.id, "cycle": str(row.cycle), "tier": tier, "metric": metric})


def metric_notes(metrics: list[str]) -> None:
    """Draw the table of metric definitions."""
    st.subheader("Metric definitions")
    rows = [{"metric": measure.title, "measures": measure.description, "limitations": measure.limitation}
            for name in metrics if (measure := METRICS.get(name))]
    elements.static_table(rows)
    elements.export_buttons(rows, "metrics", "metrics")
