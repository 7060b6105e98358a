"""Answers side by side on the page Compare: a table of all questions, and the selected one in full."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import answers_across as view
from dashboard.view_models import cycle_selection
from dashboard.view_models.answers_across import ALL, FILTERS, Column, Row
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store.control_arms import ARMS, BASELINE, TUNED
from store.database import Store
from store.queries import AskedQuestion, ScoredAnswer

_FILTERS = {"all": "All", "differs": "≠ Differs", "regressed": "▼ Regressed", "improved": "▲ Improved"}
_SIGNS = {"better": "▲", "worse": "▼", "same": "=", "unknown": "?", "": ""}
_MARKS = {"better": ":green[▲ better]", "worse": ":red[▼ worse]", "same": "= same", "unknown": "? not scored", "": ""}
_WHOLE = "whole answers"
_KEY = "question"


def answers_across(store: Store, picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw the answers of the chosen cycles, and of their control arms, to the same questions."""
    st.subheader("Answers side by side")
    names = cycle_selection.labels(picked)
    by_run = {run.id: cached_queries.asked_questions(store, run, cycles, tier)
              for run, cycles in cycle_selection.cycles_by_run(picked)}
    asked = [by_run[item.run.id][item.cycle] for item in picked]
    columns = [view.column(name, questions, cached_queries.scored_answers(
        store, item.run, item.cycle, TUNED, tier, metric)) for name, item, questions in zip(
        names, picked, asked, strict=True)]
    columns += _chosen_arms(store, picked, names, asked[0], tier, metric)
    rows = view.rows_of(list({one.question: one for questions in asked for one in questions}.values()), columns, metric)
    if not rows:
        st.caption("These cycles have no question of this kind in common.")
        return
    shown, against = _filtered(rows, columns)
    if not shown:
        elements.empty_state("No question matches these filters.")
        return
    _details(_table(shown, columns, metric), columns, against)


def _chosen_arms(store: Store, picked: Sequence[SelectedCycle], names: Sequence[str],
                 asked_of_first: Sequence[AskedQuestion], tier: str, metric: str) -> list[Column]:
    """Draw the choice of further columns; returns the untrained student and the control arms that were chosen."""
    runs = {item.run.id: item.run for item in picked}
    found = {f"{picked[0].run.id} untrained": ("untrained", picked[0].run, picked[0].cycle, BASELINE)}
    for run in runs.values():
        for arm in cached_queries.arms_that_answered(store, run):
            name = ARMS[arm].title if len(runs) == 1 else f"{ARMS[arm].title} · {run.title[:18]}"
            found[f"{run.id} {arm}"] = name, run, 0, arm
    chosen = url_state.choose_many("Further columns", "columns", list(found), (), lambda key: found[key][0], 4,
                                   f"Beside the chosen cycles. Marks compare every column with {names[0]}.")
    return [view.column(name, asked_of_first if arm == BASELINE else (), cached_queries.scored_answers(
        store, run, cycle, arm, tier, metric)) for name, run, cycle, arm in map(found.__getitem__, chosen)]


def _filtered(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[list[Row], str]:
    """Draw the filters; returns the rows that match, and the column that a word diff is against, or `_WHOLE`."""
    counted = view.counts(rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = url_state.choose("Answers", "across", FILTERS, ALL,
                                  lambda name: f"{_FILTERS[name]} ({counted[name]})", buttons=True)
        topics = url_state.choose_many("Only these topics", "only", sorted({row.asked.topic for row in rows}), (),
                                       labels.topic, 20, "Empty: all topics.")
        against = url_state.choose("Word diff against", "diff", [_WHOLE, *(column.name for column in columns)], _WHOLE,
                                   lambda name: "none" if name == _WHOLE else name,
                                   "Struck through: only there. Underlined: only in this column.")
    return view.matching(rows, wanted, topics), against


def _table(rows: Sequence[Row], columns: Sequence[Column], metric: str) -> Row:
    """Draw one row a question, those of the window with the one in view; returns that one."""
    questions = [row.asked.question for row in rows]
    first = url_state.window_start(_KEY, questions, elements.WINDOW_ROWS)
    drawn = rows[first:first + elements.WINDOW_ROWS]
    url_state.mark_in_view(_KEY, questions, f"answers across {first}", "question", first, len(drawn))
    table = elements.data_table(
        [{"question": row.asked.text[:300], "reference": (row.asked.reference or labels.DASH)[:300],
          **{column.name: _cell(given, mark)
             for column, given, mark in zip(columns, row.given, row.marks, strict=True)}} for row in drawn],
        key=f"answers across {first}", row_height=76, height=min(420, 76 * len(drawn) + 40), **elements.SELECTS_ROW,
        column_config={"question": st.column_config.TextColumn(width=190),
                       "reference": st.column_config.TextColumn(width=190),
                       **{column.name: st.column_config.TextColumn(width=200) for column in columns}})
    at = url_state.browse(_KEY, questions, elements.selected_row(table, len(drawn), first))
    with st.container(horizontal=True, vertical_alignment="center"):
        url_state.step_buttons(_KEY, questions, at, "Question")
        url_state.window_buttons(_KEY, questions, elements.WINDOW_ROWS)
    elements.note(f"Each cell: mark against {columns[0].name}, score by {labels.metric_within(metric)}, answer. "
                  "Largest loss first.")
    return rows[at]


def _cell(given: ScoredAnswer | None, mark: str) -> str:
    if given is None:
        return "not asked"
    score = labels.number(given.score) if given.score is not None else "no score"
    return f"{_SIGNS[mark]} {score} · {(given.text or given.missing or labels.DASH)[:300]}".strip()


def _details(row: Row, columns: Sequence[Column], against: str) -> None:
    """Draw the question, the reference and every column's answer in full, or its word diff against one column."""
    with st.container(border=True):
        elements.plain_text(row.asked.text)
        st.caption(f"{labels.topic(row.asked.topic)} · {labels.tier(row.asked.tier)}")
        base = next((given.text for column, given in zip(columns, row.given, strict=True)
                     if column.name == against and given), None)
        first, *others = elements.columns_of(len(columns) + 1)
        with first:
            st.markdown("**Reference (teacher)**")
            elements.verbatim(row.asked.reference, row.asked.reference_missing)
        for cell, column, given, mark in zip(others, columns, row.given, row.marks, strict=True):
            with cell:
                st.markdown(f"**{labels.without_markup(labels.heading(column.name))}**")
                _answer(given, mark, base if column.name != against else None)


def _answer(given: ScoredAnswer | None, mark: str, base: str | None) -> None:
    if given is None:
        elements.plain_text("(not asked)")
        return
    score = labels.number(given.score, 3) if given.score is not None else "not scored"
    st.markdown(" · ".join(filter(None, (score, _MARKS[mark] if given.score is not None else ""))))
    if base is not None and given.text is not None:
        elements.word_diff(base, given.text)
    else:
        elements.verbatim(given.text, given.missing)
