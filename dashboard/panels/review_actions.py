"""The state of a run's review with what ends it, and decisions on many questions at once."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.style import labels
from dashboard.view_models import dataset_rows
from dashboard.widgets import elements
from store.commands.review import WAITING, Decision
from store.dataset_items import APPROVED, GENERAL, REJECTED, UNDECIDED, DatasetItem, DatasetReview
from store.queries import Run

MOST_AT_ONCE = 10_000


def review_state(run: Run, review: DatasetReview) -> None:
    """Draw how far the review is, and for operators the buttons that ask again or end it."""
    if not review.open:
        return
    waits = run.work == WAITING
    with st.container(border=True):
        elements.badge(labels.work(WAITING if waits else run.work))
        elements.plain_text(dataset_rows.review_sentence(review, waits))
        if not waits or not store_commands.is_allowed("approve"):
            return
        undecided, again = len(review.of(UNDECIDED)), sum(one.count for one in review.wanted_again())
        with st.container(horizontal=True, vertical_alignment="center"):
            # The run's last event is part of the token, so that a double click is one command.
            st.button(f"Ask again for {again:,}", icon=":material/replay:", key="ask again", disabled=not again,
                      on_click=_ask_again, args=(run.id, f"ask again {run.id} {run.last_event_id}"),
                      help="The teacher writes as many questions as were rejected; people's own are not written again.")
            st.button("Train on what is approved", icon=":material/model_training:", key="finish review",
                      type="primary", disabled=bool(undecided), on_click=_finish_review,
                      args=(run.id, f"finish review {run.id} {run.last_event_id}"),
                      help="Rejected questions are out, and edited ones are used as they are now. Every question has "
                           "to be approved or rejected first.")


def _ask_again(run: str, token: str) -> None:
    store_commands.ask_again(run, token)


def _finish_review(run: str, token: str) -> None:
    store_commands.finish_review(run, token)


def bulk_decisions(run: Run, chosen: Sequence[DatasetItem], by_filter: bool) -> None:
    """Draw the buttons that approve or reject several questions in one step.

    Args:
        run: the run.
        chosen: the questions, as the person sees them.
        by_filter: whether they are all that the filter shows, and not selected one by one.
    """
    chosen = [one for one in chosen if one.part != GENERAL and not one.sealed][:MOST_AT_ONCE]
    if not chosen or not store_commands.is_allowed("approve"):
        return
    which = f"all {len(chosen):,} shown" if by_filter else f"{len(chosen):,} selected"
    kind = "filter" if by_filter else "selected"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = f"reason of many {kind} {run.id}"
        st.button(f"Approve {which}", icon=":material/done_all:", key=f"approve {kind}", on_click=_decide,
                  args=(run, chosen, APPROVED, reason, by_filter))
        with st.popover(f"Reject {which} …", icon=":material/block:"):
            st.text_input("Reason", key=reason, max_chars=2000, help="Kept with each question, and in the report.")
            st.button("Reject", icon=":material/block:", key=f"reject {kind}", on_click=_decide,
                      args=(run, chosen, REJECTED, reason, by_filter))


def _decide(run: Run, chosen: Sequence[DatasetItem], decision: str, reason_key: str, bulk: bool) -> None:
    """Record a decision on what the person saw when the button was drawn."""
    reason = str(st.session_state.get(reason_key) or "") if decision == REJECTED else ""
    decisions = [Decision(one.question_id, decision, seen=one.seen) for one in chosen]
    if store_commands.decide(run.id, decisions, reason, bulk, f"{decision} many {run.id} {run.last_event_id}"):
        st.toast(f"{len(decisions):,} questions {decision}.", icon=":material/check:")
