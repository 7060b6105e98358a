"""A run's training and test sets to take along: the whole folder, or the chats that trainers read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from store.dataset_files import CHAT, CHAT_WITH_EVIDENCE, Form, dataset_files, rows_to_export, zipped
from store.queries import Run
from store.queries.dataset_items import DatasetContent, DatasetItem

_NAMES = {"train": "training set", "test": "test"}


def take_along(run: Run, content: Callable[[], DatasetContent]) -> None:
    """Draw the downloads of both sets as they stand now.

    Args:
        run: the run.
        content: reads its questions, when a file is asked for.
    """
    name = f"dataset-{run.id}"
    with st.popover("Take along", icon=":material/download:", key="take along"):
        st.caption("The sets as they stand now, without what was rejected. Each file is written when it is asked for.")
        st.download_button("All forms, with a data card (ZIP)", _all_forms(run, content, name), f"{name}.zip",
                           "application/zip", icon=":material/folder_zip:", key="take all", on_click="ignore",
                           help="A folder for load_dataset: chats, JSON lines, CSV and Parquet.")
        with st.container(horizontal=True):
            for part, set_name in _NAMES.items():
                for form in (CHAT, CHAT_WITH_EVIDENCE):
                    st.download_button(f"{set_name.capitalize()}: {form.folder} (JSONL)",
                                       _one_form(content, form, part), f"{form.folder}-{part}-{run.id}.jsonl",
                                       "application/jsonl", icon=":material/chat:", key=f"take {form.folder} {part}",
                                       on_click="ignore", help="messages, as TRL, OpenAI and LLaMA-Factory read them.")


def _all_forms(run: Run, content: Callable[[], DatasetContent], name: str) -> Callable[[], bytes]:
    return lambda: zipped(dataset_files(run, content()).contents, name)


def _one_form(content: Callable[[], DatasetContent], form: Form, part: str) -> Callable[[], bytes]:
    def written() -> bytes:
        found: Sequence[DatasetItem] = rows_to_export(content().review)[0][part]
        return form.content(found)
    return written
