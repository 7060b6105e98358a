"""The way on from a run that has ended: its result, its answers, the playground, and its settings for another run."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_commands
from dashboard.panels.run_actions import copy_to_form
from dashboard.style import labels
from dashboard.widgets import elements
from store.queries import Run


def result_links(run: Run) -> None:
    """Draw the verdict's sentence with links; of a run without a verdict the links that are of use."""
    with st.container(border=True):
        if run.sentence:
            elements.plain_text(labels.signed(run.sentence))
        with st.container(horizontal=True, vertical_alignment="center"):
            link = {"run": run.id}
            if run.verdict:
                st.page_link("app_pages/overview.py", label="See the result", icon=":material/verified:",
                             query_params=link)
                st.page_link("app_pages/answers.py", label="Read the answers", icon=":material/compare:",
                             query_params=link)
                st.page_link("app_pages/playground.py", label="Try the student", icon=":material/chat:",
                             query_params=link)
            if store_commands.is_allowed("launch") and st.button(
                    "Edit and rerun", icon=":material/edit_note:", key="edit and rerun", on_click=copy_to_form,
                    args=(run,), help="Copies this run's settings to the launch form in the sidebar."):
                st.rerun()  # the form is not part of this fragment
