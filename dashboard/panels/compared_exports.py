"""Panel of the page Compare: the verified exports of the chosen runs, each beside the student that it was made of."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.panels.ways_to_answer import row
from dashboard.style import labels
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store.analysis.ways_to_answer import WayToAnswer
from store.database import Store

COLUMNS = ("who", "MB", "tokens/s", "score", "against the measured student")


def compared_exports(store: Store, picked: Sequence[SelectedCycle], metric: str) -> None:
    """Draw a line for each verified export of the runs' last cycles; nothing where none was verified."""
    runs = {item.run.id: item.run for item in picked}
    rows = [{"run": run.title, **{name: found[name] for name in COLUMNS}, "kept of the gain": kept(one)}
            for run in runs.values() for one in cached_queries.ways_to_answer(store, run, metric, None)
            if one.outcome for found in [row(one)]]
    if rows:
        st.subheader("Exports")
        st.caption(labels.EXPORTS_NOTE)
        elements.data_table(rows)
        elements.export_buttons(rows, "exports", "exports compared")


def kept(one: WayToAnswer) -> str:
    """The share of the student's gain that an export keeps, with its interval; a dash where there is none."""
    share = one.kept
    if share is None or share.closed is None or share.low is None or share.high is None:
        return labels.DASH
    return f"{100 * share.closed:.0f}% ({100 * share.low:.0f} to {100 * share.high:.0f}, n = {share.scored})"
