"""Bring back a set that was edited elsewhere: its difference is shown, and recorded as a new version."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboard.access import store_commands
from dashboard.widgets import elements
from knowledge.question_sets import FaultyQuestions
from store.commands.review import WAITING
from store.dataset_import import ImportDifference, import_difference
from store.dataset_items import DatasetReview
from store.files import sha256_of
from store.queries import Run
from store.uploads import QuestionUpload, UploadedFile, UploadRefused, read_upload

ROWS_SHOWN = 500


def bring_back(run: Run, is_open: bool, read_review: Callable[[], DatasetReview]) -> None:
    """Draw the upload of an edited set with what it changes; nothing for people who may not edit.

    Args:
        run: the run.
        is_open: whether its review has not ended.
        read_review: reads its questions as they are now, when there is a file to compare them with.
    """
    if not store_commands.is_allowed("edit") or (is_open and run.work != WAITING):
        return
    with st.expander("Bring back a set that was edited elsewhere", icon=":material/upload:", key="bring back"):
        st.caption("A file of csv or plain as it was taken along. Other texts are edits, a row that is gone is a "
                   "rejection, and a new row without an id is a question of yours.")
        chosen = st.file_uploader("Edited set", type=["csv", "tsv", "txt", "jsonl", "json"],
                                  key=f"edited set {run.id}")
        if chosen is None:
            return
        try:
            review = read_review()
            file = UploadedFile(chosen.name, chosen.getvalue())
            found = _found(run.id, run.last_event_id, f"{file.name} {sha256_of(file.data)}", file, review)
        except FaultyQuestions as error:
            _faults(error.errors)
        except UploadRefused as error:
            _faults([str(error)])
        else:
            _difference(run, review, found)


@st.cache_resource(max_entries=4, show_spinner=False)
def _found(run: str, last_event_id: int, content: str, _file: UploadedFile, _review: DatasetReview) -> ImportDifference:
    """What a file changes; read and compared once, and not at each click on the page."""
    return import_difference(read_upload(QuestionUpload(_file, {})), _review.items)


def _difference(run: Run, review: DatasetReview, found: ImportDifference) -> None:
    elements.plain_text(found.summary())
    if rows := found.rows():
        elements.data_table([{"row": str(one.row or ""), "what": one.what, "before": one.before, "after": one.after}
                             for one in rows[:ROWS_SHOWN]], key="difference", height=min(300, 36 * len(rows) + 40))
    if len(rows) > ROWS_SHOWN:
        elements.note(f"The first {ROWS_SHOWN} of {len(rows):,} changes; all of them are recorded.")
    if not review.open:
        st.caption("The run has used its questions: this makes a new version of the set and changes no result.")
    st.text_input("Reason", key="reason of edited set", max_chars=2_000, placeholder=f"edited in {found.name}",
                  help="Kept with each question, and in the report.")
    st.button("Record these changes", icon=":material/save:", key="record edited set", disabled=found.nothing,
              on_click=_record, args=(run, found))


def _record(run: Run, found: ImportDifference) -> None:
    reason = str(st.session_state.get("reason of edited set") or "") or f"edited in {found.name}"
    if store_commands.bring_back(run.id, found, reason, f"import {run.id} {found.sha256} {run.last_event_id}"):
        st.toast(f"{len(found.changes) + len(found.added):,} questions changed.", icon=":material/check:")


def _faults(sentences: list[str]) -> None:
    st.error("Nothing was changed:", icon=":material/error:")
    elements.plain_text("\n".join(f"• {sentence}" for sentence in sentences))
