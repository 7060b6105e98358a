"""Blind A/B rating of answers, one question at a time; and the agreement of raters and metrics."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import store_commands
from dashboard.panels.item_flags import item_flags
from dashboard.session import identity
from dashboard.style import labels
from dashboard.view_models.blind_rating import (
    LEFT, RIGHT, SAME, Task, agreement_by_metric, pending_tasks, rated_event, summary_sentence,
)
from dashboard.widgets import elements
from store.queries import AnswerPair, Rating, Run
from store.queries.dataset_flags import ItemFlag

_CLICKS = ((LEFT, "A is better", ":material/west:", "left"),
           (SAME, "No difference", ":material/drag_handle:", "down"),
           (RIGHT, "B is better", ":material/east:", "right"))
"""What a click or an arrow key means."""
_RATING_TEXTS = {"better": "better than", "worse": "worse than", "same": "as good as"}


def blind_rating(run: Run, cycle: int, pairs: Sequence[AnswerPair], ratings: Sequence[Rating],
                 metrics: Sequence[str], flags: Sequence[ItemFlag] = ()) -> None:
    """Draw the current user's next question and the ratings of the cycle so far.

    Args:
        run: the run.
        cycle: whose answers are rated.
        pairs: its questions with both answers.
        ratings: of the run.
        metrics: that are compared with the ratings.
        flags: people's flags on the run's questions.
    """
    person = identity.current_user()
    own = [rating for rating in ratings if rating.cycle == cycle]
    todo, total = pending_tasks(pairs, own, person.name)
    if store_commands.is_allowed("rate"):
        if rating := st.session_state.pop("just rated", None):
            st.success(f"Saved: you rated the fine-tuned answer {_RATING_TEXTS[rating]} the untrained one.",
                       icon=":material/check:")
        st.progress((total - len(todo)) / total if total else 0.0,
                    text=f"You have rated {total - len(todo)} of {total} questions of this cycle.")
        if todo:
            _task(run, cycle, todo[0], person.name)
            item_flags(run, todo[0].pair.question, flags)
        else:
            elements.empty_state("You have rated all questions of this cycle that have two answers.")
    summary(pairs, own, metrics)


def _task(run: Run, cycle: int, task: Task, rater: str) -> None:
    with st.container(border=True):
        elements.plain_text(task.pair.text)
        st.caption("Which answer is better? After rating, the page shows which one is of the fine-tuned student.")
    left, right = st.columns(2)
    for column, name, body in zip((left, right), "AB", task.answers, strict=True):
        with column:
            st.markdown(f"**Answer {name}**")
            elements.verbatim(body)
    with st.expander("Reference and evidence", icon=":material/menu_book:"):
        elements.verbatim(task.pair.reference, task.pair.reference_missing)
        elements.verbatim(task.pair.evidence or None, "the reference quotes no span of the passage")
    note = st.text_input("Note", key=f"note {task.pair.question}", max_chars=500, placeholder="optional")
    with st.container(horizontal=True):
        for click, label, icon, arrow in _CLICKS:
            if st.button(label, icon=icon, key=f"rate {click}", shortcut=arrow):
                _record(run, cycle, task, click, rater, note)


def _record(run: Run, cycle: int, task: Task, click: str, rater: str, note: str) -> None:
    rated = rated_event(task, click, rater, note)
    # The run's last event id is part of the token, so that a double click is one rating.
    if store_commands.rate(run.id, cycle, rated,
                           f"rate {run.id} {cycle} {task.pair.question} {rater} {run.last_event_id}"):
        st.session_state["just rated"] = rated.rating
        st.rerun()


def summary(pairs: Sequence[AnswerPair], ratings: Sequence[Rating], metrics: Sequence[str]) -> None:
    """Draw the ratings of a cycle and their agreement with each metric on the same questions."""
    if not ratings:
        return
    st.subheader("Raters and metrics")
    elements.plain_text(summary_sentence(ratings))
    elements.table([{
        "metric": labels.metric_short(metric), "rated and scored": found.pairs, "agree": found.same_way,
        "disagree": found.opposite, "at least one tie": found.pairs - found.same_way - found.opposite,
        "95% interval of agreement": labels.share_interval(found.low, found.high), "p (sign test)": found.p_value,
    } for metric, found in agreement_by_metric(pairs, ratings, metrics).items()],
        "people-and-metrics", "agreement",
        column_config={"p (sign test)": st.column_config.NumberColumn(format="%.3f")})
    st.caption("Every rating counts once; ratings of one question by several raters are not independent.")
    elements.export_buttons([{**vars(rating)} for rating in ratings], "ratings", "ratings",
                            "All ratings")
