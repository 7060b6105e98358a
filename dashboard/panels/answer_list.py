"""The list of questions that fit the filters, the worst change first; a click on a row opens it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import address, answer_choice, showing, text
from dashboard.answer_choice import OUTCOMES
from store.queries import AnswerPair

_WORDS = {"all": "All", "worse": "▼ Worse", "better": "▲ Better", "same": "= The same", "missing": "? Missing"}
_SIGNS = {"worse": "▼", "better": "▲", "same": "=", "missing": "?"}


def labels(pairs: Sequence[AnswerPair], metric: str) -> dict[str, str]:
    """Each outcome with how many questions have it."""
    counted = answer_choice.counts(pairs, metric)
    return {name: f"{_WORDS[name]} ({len(pairs) if name == 'all' else counted[name]})" for name in OUTCOMES}


def pick(pairs: Sequence[AnswerPair], metric: str) -> AnswerPair:
    """The list as a table; returns the selected or linked pair, else the first; the URL names a selected one."""
    number = st.column_config.NumberColumn(format="%.3f")
    selection = showing.frame(
        [_row(pair, metric) for pair in pairs], key="answer list", on_select="rerun", selection_mode="single-row",
        height=min(400, 38 * len(pairs) + 40),
        column_config={"before": number, "after": number, "change": st.column_config.NumberColumn(format="%+.3f"),
                       "question": st.column_config.TextColumn(width=260),
                       "": st.column_config.TextColumn(width=36)})
    rows = selection.selection.rows if selection else []
    selected = pairs[rows[0]].question if rows and rows[0] < len(pairs) else None
    named = address.pointed_at("question", selected)
    at = next((at for at, pair in enumerate(pairs) if pair.question == named), 0)
    st.caption(f"Question {at + 1} of {len(pairs)}, worst change first. Select a row to read it.")
    return pairs[at]


def _row(pair: AnswerPair, metric: str) -> dict[str, object]:
    before, after = pair.scores.get(metric, (None, None))
    return {"": _SIGNS[answer_choice.outcome(pair, metric)], "change": pair.change(metric),
            "question": pair.text[:300], "before": before, "after": after, "topic": text.topic(pair.topic),
            "tier": text.tier_short(pair.tier)}
