"""One question of a run: edit, approve or reject it, comment on it, and what people did with it before."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.session import identity
from dashboard.view_models import dataset_rows
from dashboard.widgets import elements
from store.commands.review import WAITING, Decision
from store.dataset_items import APPROVED, GENERAL, REJECTED, DatasetItem
from store.events import ItemCommented
from store.queries import Run
from store.queries.dataset_items import ItemEntry

_OPINIONS = {"": "no opinion", "keep": "keep it as it is", "change": "change or reject it"}


def item_review(run: Run, is_open: bool, item: DatasetItem, entries: Sequence[ItemEntry]) -> None:
    """Draw the decisions on a question and its history; each person gets what the role may do."""
    if item.part != GENERAL:
        if item.sealed:
            st.caption("It belongs to a shared test that another run has fixed, so it cannot be changed.")
        elif store_commands.is_allowed("edit") and (not is_open or run.work == WAITING):
            _decisions(run, is_open, item)
        if store_commands.is_allowed("comment"):
            _comment_form(run, item)
    _history(dataset_rows.history(entries, item), item)


def _decisions(run: Run, is_open: bool, item: DatasetItem) -> None:
    # The state is part of the keys: after another person's change the fields start from the new texts.
    key = f"{item.question_id} {item.seen}"
    with st.expander("Edit, approve or reject", icon=":material/edit:", expanded=is_open, key="decide"):
        if not is_open:
            st.caption("The run has used this question: a change makes a new version of the set and changes no result.")
        st.text_area("Question", item.question, key=f"question {key}", max_chars=4_000)
        st.text_area("Reference", item.answer or "", key=f"answer {key}", max_chars=20_000,
                     help="The answer that is trained on, and that the student's answers are scored against.")
        st.text_input("Reason", key=f"why {key}", max_chars=2_000,
                      help="Needed for a rejection; kept with the question, and in the report.")
        with st.container(horizontal=True):
            for label, icon, decision, edits in (("Save and approve", ":material/save:", APPROVED, True),
                                                 ("Approve as it is", ":material/check:", APPROVED, False),
                                                 ("Reject", ":material/block:", REJECTED, False)):
                st.button(label, icon=icon, key=f"{label} item", on_click=_record,
                          args=(run, item, key, decision, edits))


def _record(run: Run, item: DatasetItem, key: str, decision: str, edits: bool) -> None:
    """Record what the person wants, about what they saw when the button was drawn."""
    texts = {name: str(st.session_state.get(f"{name} {key}") or "") for name in ("question", "answer")} if edits else {}
    reason = str(st.session_state.get(f"why {key}") or "")
    token = f"{decision} {edits} {run.id} {key} {run.last_event_id}"
    store_commands.decide(run.id, [Decision(item.question_id, decision, seen=item.seen, **texts)], reason, False, token)


def _comment_form(run: Run, item: DatasetItem) -> None:
    with st.popover("Comment", icon=":material/comment:"), st.form(f"comment {item.question_id}", border=False,
                                                                    clear_on_submit=True):
        opinion = st.segmented_control("Opinion", list(_OPINIONS), default="", required=True,
                                       format_func=_OPINIONS.__getitem__,
                                       help="Where two people say it of one question, the report has their agreement.")
        words = st.text_area("Comment", max_chars=2_000, key=f"comment words {item.question_id}",
                             help="Kept with your name in the question's history; it changes nothing.")
        if st.form_submit_button("Comment", icon=":material/comment:"):
            said = ItemCommented(item.question_id, words.strip(), str(opinion or ""), identity.current_user().name)
            if store_commands.comment(run.id, said, f"comment {item.question_id} {said.by} {run.last_event_id}"):
                st.rerun()


def _history(entries: Sequence[ItemEntry], item: DatasetItem) -> None:
    if not entries:
        return
    with st.expander(f"History ({len(entries)})", icon=":material/history:", key="history of item"):
        for one in entries:
            opinion = f" ({one.opinion} it)" if one.what == "commented" and one.opinion else ""
            source = f", from {one.source}" if one.source else ""
            elements.plain_text(f"{elements.local_time(one.at)} · {one.by} · {one.what}{opinion}{source}"
                                + (f": {one.text}" if one.text else ""))
            for before, after in ((one.question_before, one.question), (one.answer_before, one.answer)):
                if after:
                    elements.word_diff(before, after)
