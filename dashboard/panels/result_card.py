"""A run that has ended: a card with its verdict and numbers, and the links that lead on from it."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, store_commands
from dashboard.panels.run_actions import copy_to_form
from dashboard.style import labels
from dashboard.view_models import run_selection
from dashboard.widgets import elements
from store.database import Store
from store.formatting import first_sentence
from store.queries import Run


def result_card(store: Store, run: Run) -> None:
    """Draw the verdict, if there is one, as a heading with its first sentence; and how long the run took.

    The others are on Overview: with all of them the card needs more room than the page keeps for it while a run is at
    work, and what is below moves when it ends.
    """
    with st.container(border=True):
        if run.verdict:
            style = labels.verdict(run.verdict)
            st.subheader(f"{style.sign} {labels.ANSWERS.get(run.verdict, style.label)}")
            elements.plain_text(first_sentence(run_selection.headline_of(run, run.sentence)))
        _facts(store, run)


def result_links(run: Run) -> None:
    """Draw links to the result, the answers and the playground, if there is a verdict, and the button to run again."""
    if run.verdict:
        link = {"run": run.id}
        for page, label, icon in (("overview", "See the result", "verified"),
                                  ("answers", "Read the answers", "compare"),
                                  ("playground", "Try the student", "chat")):
            st.page_link(f"app_pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=link)
    if store_commands.is_allowed("launch") and st.button(
            "Edit and rerun", icon=":material/edit_note:", key="edit and rerun", on_click=copy_to_form,
            args=(run,), help="Copies this run's settings to the launch form in the sidebar."):
        st.rerun()  # the form is not part of this fragment


def _facts(store: Store, run: Run) -> None:
    """Draw how long the run took, how far it came, and what its teacher cost."""
    used = cached_queries.usage(store, run)
    done = sum(cycle.work == "finished" for cycle in cached_queries.cycles(store, run))
    parts = [f"Total time {labels.duration(labels.run_seconds(run))}" if run.started_at else "",
             f"{done} of {labels.count(run.config.cycles, 'cycle')} finished",
             f"teacher cost {labels.money(used.cost_usd)}" if used else ""]
    elements.note(" · ".join(filter(None, parts)))
