"""What an inconclusive verdict still needs: the sentence, a button that fills the launch form, and the command."""

from __future__ import annotations

import streamlit as st

from dashboard.access import store_commands
from dashboard.panels import knowledge_fields
from dashboard.view_models import launch_request
from dashboard.widgets import elements
from store.analysis.required_sample_size import LargerTest
from store.report.reproduce_command import command_of


def larger_test_panel(larger: LargerTest) -> None:
    """Draw how many questions would decide, at what cost, and both ways to ask them."""
    elements.plain_text(larger.sentence())
    with st.container(horizontal=True, vertical_alignment="center"):
        if store_commands.is_allowed("launch"):
            st.button(f"Ask {larger.askable:,} questions", icon=":material/edit_note:", key="larger test",
                      on_click=_fill_form, args=(larger,),
                      help="Copies this run's settings to the launch form in the sidebar, with that many test "
                           "questions. Nothing is launched yet.")
        with st.popover("Command", icon=":material/terminal:"):
            st.code(command_of(larger.config), language="bash", wrap_lines=True)


def _fill_form(larger: LargerTest) -> None:
    st.session_state.update(launch_request.form_state(larger.config, knowledge_fields.FOLDER))
    st.toast(f"The launch form in the sidebar now has {larger.askable:,} test questions.",
             icon=":material/edit_note:")
