"""Answers side by side on the page Compare: a table of all questions, and the selected one in full."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import cached_queries
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import answers_across as view
from dashboard.view_models import cycle_selection
from dashboard.view_models.answers_across import ALL, FILTERS, Column, Given, Row
from dashboard.view_models.cycle_selection import SelectedCycle
from dashboard.widgets import elements
from store.control_arms import ARMS
from store.database import Store
from store.queries import AnswerPair

_FILTERS = {"all": "All", "differs": "≠ Differs", "regressed": "▼ Regressed", "improved": "▲ Improved"}
_SIGNS = {"better": "▲", "worse": "▼", "same": "=", "unknown": "?", "": ""}
_MARKS = {"better": ":green[▲ better]", "worse": ":red[▼ worse]", "same": "= same", "unknown": "? not scored", "": ""}
_WHOLE = "whole answers"
_KEY = "question"


def answers_across(store: Store, picked: Sequence[SelectedCycle], metric: str, tier: str) -> None:
    """Draw the answers of the chosen cycles, and of their control arms, to the same questions."""
    st.subheader("Answers side by side")
    names = cycle_selection.labels(picked)
    answers = [cached_queries.answers_by(store, item.run, item.cycle, tier, metric) for item in picked]
    columns = [view.tuned_column(name, pairs, metric) for name, pairs in zip(names, answers, strict=True)]
    columns += _chosen_arms(store, picked, names, answers, metric)
    asked = list({pair.question: pair for pairs in answers for pair in pairs}.values())
    rows = view.rows_of(asked, columns, metric)
    if not rows:
        st.caption("These cycles have no question of this kind in common.")
        return
    shown, against = _filtered(rows, columns)
    if not shown:
        elements.empty_state("No question matches these filters.")
        return
    _details(_table(shown, columns, metric), columns, against)


def _chosen_arms(store: Store, picked: Sequence[SelectedCycle], names: Sequence[str],
                 answers: Sequence[Sequence[AnswerPair]], metric: str) -> list[Column]:
    """Draw the choice of further columns; returns the untrained student and the control arms that were chosen."""
    runs = {item.run.id: item.run for item in picked}
    found = {f"{picked[0].run.id} untrained": view.untrained_column("untrained", answers[0], metric)}
    for run in runs.values():
        of_run = cached_queries.arm_answers(store, run)
        for arm in dict.fromkeys(one.arm for one in of_run):
            name = ARMS[arm].title if len(runs) == 1 else f"{ARMS[arm].title} · {run.title[:18]}"
            found[f"{run.id} {arm}"] = view.arm_column(name, [one for one in of_run if one.arm == arm], metric)
    chosen = url_state.choose_many("Further columns", "columns", list(found), (), lambda key: found[key].name, 4,
                                   f"Beside the chosen cycles. Marks compare every column with {names[0]}.")
    return [found[key] for key in chosen]


def _filtered(rows: Sequence[Row], columns: Sequence[Column]) -> tuple[list[Row], str]:
    """Draw the filters; returns the rows that match, and the column that a word diff is against, or `_WHOLE`."""
    counted = view.counts(rows)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = url_state.choose("Answers", "across", FILTERS, ALL,
                                  lambda name: f"{_FILTERS[name]} ({counted[name]})", buttons=True)
        topics = url_state.choose_many("Only these topics", "only", sorted({row.pair.topic for row in rows}), (),
                                       labels.topic, 20, "Empty: all topics.")
        against = url_state.choose("Word diff against", "diff", [_WHOLE, *(column.name for column in columns)], _WHOLE,
                                   lambda name: "none" if name == _WHOLE else name,
                                   "Struck through: only there. Underlined: only in this column.")
    return view.matching(rows, wanted, topics), against


def _table(rows: Sequence[Row], columns: Sequence[Column], metric: str) -> Row:
    """Draw one row a question, those of the window with the one in view; returns that one."""
    questions = [row.pair.question for row in rows]
    first = url_state.window_start(_KEY, questions, elements.WINDOW_ROWS)
    drawn = rows[first:first + elements.WINDOW_ROWS]
    url_state.mark_in_view(_KEY, questions, f"answers across {first}", "question", first, len(drawn))
    table = elements.data_table(
        [{"question": row.pair.text[:300], "reference": (row.pair.reference or labels.DASH)[:300],
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


def _cell(given: Given | None, mark: str) -> str:
    if given is None:
        return "not asked"
    score = labels.number(given.score) if given.score is not None else "no score"
    return f"{_SIGNS[mark]} {score} · {(given.text or given.missing or labels.DASH)[:300]}".strip()


def _details(row: Row, columns: Sequence[Column], against: str) -> None:
    """Draw the question, the reference and every column's answer in full, or its word diff against one column."""
    with st.container(border=True):
        elements.plain_text(row.pair.text)
        st.caption(f"{labels.topic(row.pair.topic)} · {labels.tier(row.pair.tier)}")
        base = next((given.text for column, given in zip(columns, row.given, strict=True)
                     if column.name == against and given), None)
        first, *others = elements.columns_of(len(columns) + 1)
        with first:
            st.markdown("**Reference (teacher)**")
            elements.verbatim(row.pair.reference, row.pair.reference_missing)
        for cell, column, given, mark in zip(others, columns, row.given, row.marks, strict=True):
            with cell:
                st.markdown(f"**{labels.without_markup(labels.heading(column.name))}**")
                _answer(given, mark, base if column.name != against else None)


def _answer(given: Given | None, mark: str, base: str | None) -> None:
    if given is None:
        elements.plain_text("(not asked)")
        return
    score = labels.number(given.score, 3) if given.score is not None else "not scored"
    st.markdown(" · ".join(filter(None, (score, _MARKS[mark] if given.score is not None else ""))))
    if base is not None and given.text is not None:
        elements.word_diff(base, given.text)
    else:
        elements.verbatim(given.text, given.missing)
