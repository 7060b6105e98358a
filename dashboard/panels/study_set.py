"""What a run's cycles trained on: study items by form, coverage of key terms, and what was not as planned."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries
from dashboard.view_models.study_set import coverage_line, form_rows, note_lines, term_rows
from dashboard.widgets import elements
from store.database import Store
from store.queries import Run

FEWEST_SHOWN = 10
"""Rows of the table of key terms; the export has all."""


def study_set(store: Store, run: Run) -> None:
    """Draw the last cycle's training set and all cycles' notes; nothing for a run without one."""
    sets = cached_queries.study_sets(store, run)
    if not sets:
        return
    last, notes = sets[-1], note_lines(sets)
    with st.expander(f"Study items{f' ({len(notes)} notes)' if notes else ''}", icon=":material/school:"):
        for note in notes:
            elements.plain_text(note)
        elements.static_table(form_rows(last))
        if line := coverage_line(last):
            st.caption(f"{line} Those in the fewest items:")
            titles = {pair.passage_id: pair.title for one in sets
                      for pair in cached_queries.answers(store, run, one.cycle) if pair.passage_id}
            rows = term_rows(last, titles)
            elements.static_table(rows[:FEWEST_SHOWN])
            elements.export_buttons(rows, f"key-terms-{run.id}", "key terms")
