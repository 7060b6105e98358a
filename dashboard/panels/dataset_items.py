"""Table of a run's questions with their references, and one of them in full."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import dataset_rows
from dashboard.view_models.dataset_rows import ShownItems
from dashboard.widgets import elements
from store.queries.dataset_flags import ItemFlag
from store.queries.dataset_items import DatasetItem

PAGE_SIZE = 500
"""Rows that are sent to the browser at once."""
_COLUMNS = {"flags": st.column_config.TextColumn(width=70), "question": st.column_config.TextColumn(width=270),
            "reference": st.column_config.TextColumn(width=270)}


def item_list(items: ShownItems, flags: Sequence[ItemFlag],
              with_state: bool = False) -> tuple[DatasetItem, list[DatasetItem]]:
    """Draw a page of the table; returns the item in view, by default the first of the page, and the selected ones.

    Args:
        items: all that the filter shows.
        flags: of the run.
        with_state: whether people decide, or have decided, on them.
    """
    first = url_state.page("rows", items.count, PAGE_SIZE)
    shown = items.between(first, PAGE_SIZE)
    keys = [f"{item.question_id}-{item.cycle}" for item in shown]
    url_state.mark_in_view("item", keys, "dataset list", "question")
    table = elements.data_table(dataset_rows.item_rows(shown, flags, with_state), key="dataset list",
                                on_select="rerun", selection_mode=["multi-row", "single-cell"],
                                height=min(420, 36 * len(shown) + 40), column_config=_COLUMNS)
    selected = [shown[row] for row in (table.selection.rows if table else ()) if row < len(shown)]
    at = url_state.browse("item", keys, elements.selected_row(table, len(shown)))
    with st.container(horizontal=True, vertical_alignment="center"):
        url_state.step_buttons("item", keys, at, "Question")
    return shown[at], selected


def item_detail(item: DatasetItem) -> None:
    """Draw one question with reference, evidence, key terms and passage."""
    with st.container(border=True):
        elements.plain_text(item.question)
        elements.note(f"{labels.topic(item.topic)} · {labels.tier(item.tier)} · written by {item.writer}")
    left, right = elements.two_columns()
    with left:
        st.markdown("**Reference**")
        elements.verbatim(item.answer, item.missing)
        elements.plain_text(f"Key terms: {', '.join(item.key_terms) or 'none'}")
    with right:
        st.markdown("**Evidence**")
        elements.verbatim(item.evidence or None, "none: the answer came without a passage, or quotes none of it")
        elements.plain_text(item.source)
    with st.expander("Full passage", icon=":material/article:"):
        elements.verbatim(item.passage or None, "the answer came without a passage")
