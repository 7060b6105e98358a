"""Metric definitions with their limits; what multiple choice can be passed by; wins, losses, worst answers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session import url_state
from dashboard.style import labels
from dashboard.widgets import elements
from store.analysis.choice_baselines import choice_baselines as baselines_of
from store.metrics import METRICS
from store.queries import AnswerPair, ChangeRow, Run


def wins_line(run: Run, row: ChangeRow | None, metric: str, tier: str) -> None:
    """Draw how many answers of the last cycle got better and worse, with a link to the worst."""
    if row is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{labels.wins(row)}** in cycle {row.cycle} by {labels.metric_within(metric)} "
                    f"({labels.coverage(row.scored, row.asked)}).")
        st.page_link("app_pages/answers.py", label=labels.answers_link(row.losses), icon=":material/compare:",
                     query_params={"run": run.id, "cycle": str(row.cycle), "tier": tier, "metric": metric,
                                   "question": url_state.FIRST})


def choice_baselines(pairs: Sequence[AnswerPair]) -> None:
    """Draw what multiple choice on these questions can be passed by without knowledge; nothing without any."""
    found = baselines_of(pairs)
    if not found:
        return
    st.subheader("Multiple choice without knowledge")
    st.caption(labels.BASELINES_NOTE)
    elements.static_table([{"picking": one.rule, "right": labels.number(one.accuracy),
                            "95% interval": f"{labels.number(one.low)} to {labels.number(one.high)}",
                            "questions": one.questions} for one in found])
    for one in found:
        if one.finding:
            st.warning(one.finding, icon=":material/straighten:")


def metric_notes(metrics: list[str]) -> None:
    """Draw the table of metric definitions."""
    st.subheader("Metric definitions")
    rows = [{"metric": measure.title, "measures": measure.description, "limitations": measure.limitation}
            for name in metrics if (measure := METRICS.get(name))]
    elements.static_table(rows)
    elements.export_buttons(rows, "metrics", "metrics")
