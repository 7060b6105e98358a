"""What was found of a run's exports: the outcome, every metric with its interval, and the answers beside the record."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from dashboard.access import cached_queries
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import verified_export_rows as rows_of
from dashboard.widgets import elements
from store.database import Store
from store.queries import Run
from store.queries.verifications import Verified, verified_exports as read_verified

_KEY = "answer of export"


def verified_exports(store: Store, run: Run) -> None:
    """Draw the choice of a verification and what it found; an empty state where there is none."""
    found = read_verified(store, run.id)
    if not found:
        elements.empty_state(labels.NO_EXPORTS)
        return
    zone = elements.zone()
    by_number = {str(len(found) - at): one for at, one in enumerate(found)}
    number = url_state.choose("Verifications, newest first", "verification", list(by_number), shown=lambda key: (
        f"{_short(by_number[key])} · {by_number[key].found.outcome} · {labels.when(by_number[key].at, zone)}"),
        help_text="Every verification of the run, from this page and from the command line.")
    one = by_number[number]
    elements.badge(labels.export_outcome(one.found.outcome))
    elements.plain_text(one.found.sentence)
    size = "" if one.found.size_bytes is None else f" · {one.found.size_bytes / 1e6:,.0f} MB of weights"
    elements.plain_text(f"{one.found.export} · cycle {one.cycle} · answered by {one.found.engine}{size}")
    if one.found.changes:
        elements.static_table(rows_of.metric_rows(one.found))
        st.caption(labels.EXPORT_METRICS_NOTE)
    elements.export_buttons(rows_of.change_rows(one), f"verification-{run.id}", "verification")
    _answers(store, run, one)


def _short(one: Verified) -> str:
    return PurePath(one.found.export).name or one.found.export


def _answers(store: Store, run: Run, one: Verified) -> None:
    """Draw the answers, those with another text first, and the selected one as a word diff."""
    pairs = cached_queries.answers(store, run, one.cycle)
    rows = rows_of.answer_rows(one.found, pairs)
    if not rows:
        return
    st.subheader("Answers beside the recorded ones")
    questions = [row.question for row in rows]
    first = url_state.window_start(_KEY, questions, elements.WINDOW_ROWS)
    drawn = rows[first:first + elements.WINDOW_ROWS]
    url_state.mark_in_view(_KEY, questions, f"export answers {first}", "question", first, len(drawn))
    table = elements.data_table(
        [{"question": row.text[:300], "text": "= same" if row.equal else "≠ other", "recorded": row.recorded[:300],
          "exported": row.exported[:300]} for row in drawn],
        key=f"export answers {first}", height=min(360, 36 * len(drawn) + 40), **elements.SELECTS_ROW)
    at = url_state.browse(_KEY, questions, elements.selected_row(table, len(drawn), first))
    with st.container(horizontal=True, vertical_alignment="center"):
        url_state.step_buttons(_KEY, questions, at, "Question")
        url_state.window_buttons(_KEY, questions, elements.WINDOW_ROWS)
    shown = rows[at]
    elements.plain_text(shown.text)
    if shown.equal or not shown.exported:
        elements.verbatim(shown.exported or None, shown.missing)
    else:
        elements.word_diff(shown.recorded, shown.exported)
        st.caption("Struck through: only in the recorded answer. Underlined: only in the export's.")
