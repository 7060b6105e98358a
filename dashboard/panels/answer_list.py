"""Table of the questions that match the filters, worst change first; selecting a row opens the question.

Only a window of the rows is sent to the browser, the one with the question in view.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import answer_filter
from dashboard.view_models.answer_filter import OUTCOMES
from dashboard.widgets import elements
from store.metrics import METRICS
from store.queries.answer_list import ListedAnswer

_OUTCOME_LABELS = {"all": "All", "worse": "▼ Worse", "better": "▲ Better", "same": "= Unchanged",
                   "missing": "? Missing"}
_SIGNS = {"worse": "▼", "better": "▲", "same": "=", "missing": "?"}


def row_labels(pairs: Sequence[ListedAnswer], metric: str) -> dict[str, str]:
    """Labels of the outcome filter, each with its number of questions."""
    counted = answer_filter.counts(pairs, metric)
    return {name: f"{_OUTCOME_LABELS[name]} ({len(pairs) if name == 'all' else counted[name]})" for name in OUTCOMES}


def answer_list(pairs: Sequence[ListedAnswer], metric: str) -> ListedAnswer:
    """Draw the table with buttons to step through it; returns the pair in view, by default the first."""
    number = st.column_config.NumberColumn(width=64)
    questions = [pair.question for pair in pairs]
    first = url_state.window_start("question", questions, elements.WINDOW_ROWS)
    rows = [_row(pair, metric) for pair in pairs[first:first + elements.WINDOW_ROWS]]
    url_state.mark_in_view("question", questions, f"answer list {first}", "question", first, len(rows))
    table = elements.data_table(
        rows, key=f"answer list {first}", **elements.SELECTS_ROW, height=min(200, 36 * len(rows) + 40),
        signed={"change": 3}, numbers={"before": 3, "after": 3},
        column_config={"before": number, "after": number,
                       "change": st.column_config.NumberColumn(width=72),
                       "question": st.column_config.TextColumn(width=480),
                       "topic": st.column_config.TextColumn(width=130),
                       "tier": st.column_config.TextColumn(width=130), "": st.column_config.TextColumn(width=30)})
    at = url_state.browse("question", questions, elements.selected_row(table, len(rows), first))
    with st.container(horizontal=True, vertical_alignment="center"):
        url_state.step_buttons("question", questions, at, "Question")
        url_state.window_buttons("question", questions, elements.WINDOW_ROWS)
        band = METRICS[metric].tie_band if metric in METRICS else 0.0
        st.caption("Worst change first." + (f" Changes up to {band:g} count as unchanged." if band else ""),
                   width="content")
    return pairs[at]


def _row(pair: ListedAnswer, metric: str) -> dict[str, object]:
    before, after = pair.scores.get(metric, (None, None))
    return {"": _SIGNS[answer_filter.outcome(pair, metric)], "change": pair.change(metric),
            "before": before, "after": after, "question": pair.text[:300], "topic": labels.topic(pair.topic),
            "tier": labels.tier_short(pair.tier)}
