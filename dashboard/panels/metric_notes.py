"""What each metric says and cannot see; and the wins and losses with the way to the worst answers."""

from __future__ import annotations

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.metrics import METRICS
from store.queries import ChangeRow, Run


def wins_line(run: Run, row: ChangeRow | None, metric: str, tier: str) -> None:
    """Of the last cycle: how many answers got better and worse, with a link to the worst."""
    if row is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{labels.wins(row)}** in cycle {row.cycle} by {labels.metric_within(metric)} "
                    f"({labels.coverage(row.scored, row.asked)}).")
        st.page_link("app_pages/answers.py", label="See the worst answers", icon=":material/compare:",
                     query_params={"run": run.id, "cycle": str(row.cycle), "tier": tier, "metric": metric})


def metric_notes(metrics: list[str]) -> None:
    """The table of metrics in words."""
    st.subheader("What each metric says, and what it cannot see")
    rows = [{"metric": measure.title, "says": measure.description, "cannot see": measure.limitation}
            for name in metrics if (measure := METRICS.get(name))]
    elements.static_table(rows)
    elements.export_buttons(rows, "metrics", "metrics")
