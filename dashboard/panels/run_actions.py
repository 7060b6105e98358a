"""Actions on one run of the history: open, rerun, rename, tag, archive, delete."""

from __future__ import annotations

import dataclasses
import time

import streamlit as st

from dashboard.access import store_commands
from dashboard.panels import knowledge_fields
from dashboard.style import labels
from dashboard.view_models import launch_request, run_selection
from dashboard.widgets import elements
from store.commands.ratings_and_tags import TERMINAL_STATES
from store.queries import Run

_TICKET = "repeat ticket"


def run_actions(run: Run) -> None:
    """Draw the selected run: links, rerun buttons, tags and note, archive and deletion, configuration."""
    with st.container(border=True):
        elements.plain_text(f"{run.title}\n{labels.signed(run.sentence or labels.work(run.work).label)}")
        _links(run)
        if store_commands.is_allowed("launch"):
            _rerun_buttons(run)
        if store_commands.is_allowed("annotate"):
            _champion(run)
            _tags_and_note(run)
        if store_commands.is_allowed("archive"):
            _archive_and_delete(run)
        with st.expander("Configuration", icon=":material/settings:"):
            st.code("\n".join(f"{key} = {value!r}" for key, value in dataclasses.asdict(run.config).items()),
                    language=None, wrap_lines=True)


def _links(run: Run) -> None:
    link = {"run": run.id}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("app_pages/overview.py", label="Overview", icon=":material/verified:", query_params=link)
        st.page_link("app_pages/live.py", label="Live", icon=":material/monitor_heart:", query_params=link)
        st.page_link("app_pages/answers.py", label="Answers", icon=":material/compare:", query_params=link)


def _rerun_buttons(run: Run) -> None:
    with st.container(horizontal=True):
        st.button("Edit and rerun", icon=":material/edit_note:", key="clone", on_click=copy_to_form,
                  args=(run,), help="Copies this run's settings to the launch form in the sidebar.")
        if st.button("Duplicate run", icon=":material/replay:", key="repeat",
                     help="Queues a new run with the same settings."):
            ticket = launch_request.next_token(st.session_state.get(_TICKET), time.time())
            st.session_state[_TICKET] = ticket
            if duplicate := store_commands.launch(run.config, ticket.token):
                st.session_state[_TICKET] = dataclasses.replace(ticket, used_at=time.time())
                st.switch_page("app_pages/live.py", query_params={"run": duplicate})


def copy_to_form(run: Run) -> None:
    """Put a run's settings into the launch form; called before the form is drawn again."""
    st.session_state.update(launch_request.form_state(run.config, knowledge_fields.FOLDER))
    st.toast("Settings copied to the launch form in the sidebar.", icon=":material/edit_note:")


def _champion(run: Run) -> None:
    """Draw the button that makes result pages open on this run, by a tag, or that ends it."""
    if run.work != "finished":
        return
    is_one = run_selection.CHAMPION in run.tags
    tags = tuple(tag for tag in run.tags if tag != run_selection.CHAMPION)
    if st.button("Unpin" if is_one else "Pin as champion", icon=":material/keep:", key="champion",
                 help="Overview, Answers and Playground open on the newest champion.") and store_commands.annotate(
                     run.id, tags if is_one else (*tags, run_selection.CHAMPION), run.note):
        st.rerun()


def _tags_and_note(run: Run) -> None:
    with st.expander("Name, tags and note", icon=":material/label:"), st.form(f"remarks {run.id}", border=False):
        name = st.text_input("Name", run.name, max_chars=80, help="What pages and lists call this run.")
        tags = st.text_input("Tags, separated by commas", ", ".join(run.tags), max_chars=400,
                             help="Searchable on the page History.")
        note = st.text_area("Note", run.note, max_chars=2000)
        if st.form_submit_button("Save") and store_commands.annotate(run.id, tuple(tags.split(",")), note,
                                                                     name if name != run.name else None):
            st.rerun()


def _archive_and_delete(run: Run) -> None:
    with st.container(horizontal=True):
        label = "Unarchive" if run.archived else "Archive"
        if st.button(label, icon=":material/archive:", key="archive") and store_commands.archive(run.id,
                                                                                                 not run.archived):
            st.rerun()
        if run.work in TERMINAL_STATES:
            with st.popover("Delete …", icon=":material/delete:"):
                _confirm_delete(run)
        else:
            st.caption("Only a run that has ended can be deleted: cancel it first.")


def _confirm_delete(run: Run) -> None:
    """Draw the confirmation of a deletion, with what is deleted and what is kept."""
    st.markdown("**Delete this run?**")
    elements.plain_text(run.title)
    st.markdown(labels.DELETION)
    if st.button(":red[Yes, delete it]", icon=":material/delete:", key="delete sure") and store_commands.delete(run.id):
        st.query_params.pop("run", None)
        st.rerun()
