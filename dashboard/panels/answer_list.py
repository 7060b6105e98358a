"""Table of the questions that match the filters, worst change first; selecting a row opens the question."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import answer_filter
from dashboard.view_models.answer_filter import OUTCOMES
from dashboard.widgets import elements
from store.queries import AnswerPair

_OUTCOME_LABELS = {"all": "All", "worse": "▼ Worse", "better": "▲ Better", "same": "= Unchanged",
                   "missing": "? Missing"}
_SIGNS = {"worse": "▼", "better": "▲", "same": "=", "missing": "?"}


def row_labels(pairs: Sequence[AnswerPair], metric: str) -> dict[str, str]:
    """Labels of the outcome filter, each with its number of questions."""
    counted = answer_filter.counts(pairs, metric)
    return {name: f"{_OUTCOME_LABELS[name]} ({len(pairs) if name == 'all' else counted[name]})" for name in OUTCOMES}


def answer_list(pairs: Sequence[AnswerPair], metric: str) -> AnswerPair:
    """Draw the table; returns the selected or linked pair, else the first. A selection is written to the URL."""
    number = st.column_config.NumberColumn(format="%.3f")
    selection = elements.data_table(
        [_row(pair, metric) for pair in pairs], key="answer list", on_select="rerun", selection_mode="single-row",
        height=min(400, 38 * len(pairs) + 40),
        column_config={"before": number, "after": number, "change": st.column_config.NumberColumn(format="%+.3f"),
                       "question": st.column_config.TextColumn(width=260),
                       "": st.column_config.TextColumn(width=36)})
    rows = selection.selection.rows if selection else []
    selected = pairs[rows[0]].question if rows and rows[0] < len(pairs) else None
    named = url_state.selected_row("question", selected)
    at = next((at for at, pair in enumerate(pairs) if pair.question == named), 0)
    st.caption(f"Question {at + 1} of {len(pairs)}, worst change first. Select a row to read it.")
    return pairs[at]


def _row(pair: AnswerPair, metric: str) -> dict[str, object]:
    before, after = pair.scores.get(metric, (None, None))
    return {"": _SIGNS[answer_filter.outcome(pair, metric)], "change": pair.change(metric),
            "question": pair.text[:300], "before": before, "after": after, "topic": labels.topic(pair.topic),
            "tier": labels.tier_short(pair.tier)}
