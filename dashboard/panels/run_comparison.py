"""Parts of the page Compare: the tuned students against each other on one test, and what the control arms came to."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.style import labels
from dashboard.view_models import cycle_selection, export_rows
from dashboard.view_models import control_arms as arm_rows
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store.analysis.run_comparison import NotComparable, PairedComparison
from store.database import Store


def run_comparison(store: Store, picked: Sequence[SelectedCycle]) -> None:
    """Every other tuned student against the first chosen one, question by question; what cannot be paired says why."""
    st.subheader("Tuned against tuned")
    first, *_ = names = cycle_selection.labels(picked)
    called = dict(zip((cycle_selection.key_of(item.run.id, item.cycle) for item in picked), names, strict=True))
    paired, refused = cached_queries.run_comparison(store, [(item.run, item.cycle) for item in picked])
    if paired:
        elements.plain_text(f"On the very same held-out questions: before is {first}, "
                            "after is the cycle that is named.")
        rows = [_row(one, called) for one in paired]
        elements.data_table(rows, height=min(320, 36 * len(rows) + 40),
                            column_config={"metric": st.column_config.TextColumn(width=160)})
        elements.export_buttons(export_rows.run_comparison_rows(paired), "tuned-against-tuned", "beside")
    for reason in dict.fromkeys(_why(one, called) for one in refused):
        elements.plain_text(reason)


def control_arms(store: Store, picked: Sequence[SelectedCycle], metric: str) -> None:
    """The control arms of every chosen run that has any, by one metric; nothing where none has."""
    runs = {item.run.id: item.run for item in picked}
    rows = [{"run": run.title, **row} for run in runs.values()
            for row in arm_rows.table(cached_queries.arms(store, run).changes, metric)]
    if rows:
        st.subheader("Other ways to an answer")
        st.caption(labels.ARMS_NOTE)
        elements.data_table(rows)
        elements.export_buttons(rows, "control-arms", "arms compared")


def _row(one: PairedComparison, called: dict[str, str]) -> dict[str, str]:
    found, verdict = one.found, labels.verdict(one.verdict)
    return {"cycle": called[one.other], "metric": labels.metric_short(one.metric),
            "before": labels.number(found.baseline, 3), "after": labels.number(found.tuned, 3),
            "change": labels.change(found.change, 3), "95% interval": labels.interval(found.low, found.high),
            "verdict": f"{verdict.sign} {verdict.word}",
            "pairs": labels.coverage(found.scored, found.asked), "judge": one.judge}


def _why(one: NotComparable, called: dict[str, str]) -> str:
    by = f" by {labels.metric(one.metric)}" if one.metric else ""
    return f"{called[one.other]} against {called[one.one]}{by}: not paired, because {one.reason}."
