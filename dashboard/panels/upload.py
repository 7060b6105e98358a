"""Bring documents, and questions with answers: upload, choose columns, see rows and faults, use them in a launch."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.panels import knowledge_fields, own_questions
from dashboard.session import identity
from dashboard.widgets import elements
from knowledge.documents.file_discovery import KINDS
from knowledge.question_sets import COLUMNS, FaultyQuestions, RowsRead
from store.files import sha256_of
from store.paths import default_paths
from store.permissions import PermissionDenied
from store.uploads import (
    CheckedQuestions, QuestionUpload, UploadedFile, UploadRefused, check_uploads, columns_of_upload, keep_documents,
    keep_questions,
)

_NONE = "(none)"
ROWS_SHOWN = 20
_ROLES = {"practice": "Practice set", "test": "Test"}


def bring_your_own() -> None:
    """Draw the uploads; nothing for people who may not launch runs."""
    if not store_commands.is_allowed("launch"):
        return
    with st.expander("Bring documents and questions of your own", icon=":material/upload_file:", key="bring"):
        documents, questions = st.tabs(["Documents", "Questions and answers"])
        with documents:
            _documents()
        with questions:
            _questions()


def _documents() -> None:
    chosen = st.file_uploader("Documents", accept_multiple_files=True, key="upload documents",
                              type=sorted(kind.removeprefix(".") for kind in KINDS),
                              help="Each up to 200 MB. They are kept in the data folder under their hash, and every "
                                   "run keeps a copy of its passages.")
    name = st.text_input("Name of the folder", max_chars=80, key="upload folder name", placeholder="the first file's",
                         help="The documents are kept under it in the data folder, and the launch form lists it.")
    st.button(f"Keep {len(chosen):,} documents and use them", icon=":material/save:", key="keep documents",
              disabled=not chosen, on_click=_keep_documents,
              args=([UploadedFile(one.name, one.getvalue()) for one in chosen], name))
    if said := st.session_state.get("kept documents"):
        elements.plain_text(said)


def _keep_documents(files: Sequence[UploadedFile], name: str) -> None:
    """Keep the documents before the page is drawn again, because the form's field of their folder is set too."""
    try:
        kept = keep_documents(default_paths().uploads, files, name, identity.current_user().role)
    except (UploadRefused, PermissionDenied, OSError) as error:
        _faults([str(error)])
        return
    knowledge_fields.set_knowledge(str(kept.folder))
    st.session_state["kept documents"] = (f"{kept.files:,} documents kept in {kept.folder} (SHA-256 "
                                          f"{kept.sha256[:16]}). The launch form uses this folder.")


def _questions() -> None:
    st.caption("CSV or JSON lines with a question and an answer in each row, and if you have them passage, topic and "
               "split (practice or test). A practice file may hold the test's rows too.")
    found = {role: _upload(role) for role in _ROLES}
    if not any(one for one, _ in found.values()):
        return
    try:
        (practice, practice_id), (test, test_id) = found["practice"], found["test"]
        checked = _checked(practice_id, test_id, practice, test)
    except FaultyQuestions as error:
        _faults(error.errors)
        return
    except UploadRefused as error:
        _faults([str(error)])
        return
    for role, read in (("practice", checked.practice), ("test", checked.test)):
        if read:
            _rows(role, read)
    st.caption(f"{len(checked.sets.practice):,} practice questions and {len(checked.sets.test):,} test questions; no "
               "test question nearly repeats a practice question.")
    st.button("Use these questions", icon=":material/save:", key="keep questions", type="primary",
              on_click=_keep_questions, args=(checked,))
    if said := st.session_state.get("kept questions"):
        elements.plain_text(said)


@st.cache_resource(max_entries=4, show_spinner=False)
def _checked(practice_id: str, test_id: str, _practice: QuestionUpload | None,
             _test: QuestionUpload | None) -> CheckedQuestions:
    """The rows of both files; ten thousand of them take seconds to check, and nobody should wait so at each click."""
    return check_uploads(_practice, _test)


def _keep_questions(checked: CheckedQuestions) -> None:
    uploads, role = default_paths().uploads, identity.current_user().role
    try:
        own_questions.use({name: str(keep_questions(uploads, read, role)) for name, read in (
            ("practice", checked.practice), ("test", checked.test)) if read})
    except (PermissionDenied, OSError) as error:
        _faults([str(error)])
        return
    st.session_state["kept questions"] = "Kept in the data folder; the launch form uses them."


def _upload(role: str) -> tuple[QuestionUpload | None, str]:
    """Draw one uploader with the choice of columns; return the file with what its content depends on.

    None and an empty text without a file, or with one that cannot be read.
    """
    chosen = st.file_uploader(_ROLES[role], type=["csv", "tsv", "txt", "jsonl", "json"], key=f"upload {role}")
    if chosen is None:
        return None, ""
    file = UploadedFile(chosen.name, chosen.getvalue())
    try:
        names = [name for name in dict.fromkeys(columns_of_upload(file)) if name]
    except FaultyQuestions as error:
        _faults(error.errors)
        return None, ""
    except UploadRefused as error:
        _faults([str(error)])
        return None, ""
    columns: dict[str, str] = {}
    grid = st.grid(len(COLUMNS), min_column_width=130)
    for field, known in COLUMNS.items():
        default = next((name for name in known if name in names), _NONE)
        with grid.cell():
            picked = st.selectbox(f"Column: {field}", [_NONE, *names], key=f"column {role} {field} {chosen.file_id}",
                                  index=[_NONE, *names].index(default))
        if picked != _NONE:
            columns[field] = str(picked)
    return QuestionUpload(file, columns), f"{file.name} {sha256_of(file.data)} {sorted(columns.items())}"


def _rows(role: str, read: RowsRead) -> None:
    shown = read.rows[:ROWS_SHOWN]
    st.markdown(f"**{_ROLES[role]}: the first {len(shown)} of {len(read.rows):,} rows**")
    elements.data_table([{"row": row.row, "question": row.question, "answer": row.answer, "passage": row.passage,
                          "topic": row.topic, "split": row.split} for row in shown], key=f"rows of {role}",
                        height=min(300, 36 * len(shown) + 40))
    if read.remark:
        elements.note(read.remark)


def _faults(sentences: Sequence[str]) -> None:
    st.error("Nothing was kept:", icon=":material/error:")
    elements.plain_text("\n".join(f"• {sentence}" for sentence in sentences))
