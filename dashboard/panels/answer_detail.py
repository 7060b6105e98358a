"""One question with both answers, the reference, the evidence and the scores, side by side and verbatim."""

from __future__ import annotations

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.queries import AnswerPair


def differences(pair: AnswerPair) -> None:
    """Draw the question and two diffs: before against after training, and reference against after training."""
    with st.container(border=True):
        elements.plain_text(pair.text)
        st.caption(f"{labels.topic(pair.topic)} · {labels.tier(pair.tier)} · {labels.cycle(pair.cycle).lower()}")
        st.markdown("**Word diff**", help="Struck through: removed. Underlined: added.")
        left, right = elements.two_columns()
        with left:
            _difference("Before → after training", pair.baseline, pair.tuned)
        with right:
            _difference("Reference → after training", pair.reference, pair.tuned)


def answer_detail(pair: AnswerPair) -> None:
    """Draw both answers, the reference and the evidence in full; then scores, distractors and the passage."""
    first, second, third, fourth = elements.columns_of(4)
    with first:
        st.markdown(":blue[**○ Before (untrained)**]")
        elements.verbatim(pair.baseline, pair.baseline_missing)
        _cut_off(pair.baseline_cut_off)
    with second:
        st.markdown(":orange[**● After (fine-tuned)**]")
        elements.verbatim(pair.tuned, pair.tuned_missing)
        _cut_off(pair.tuned_cut_off)
    with third:
        st.markdown("**Reference (teacher)**")
        elements.verbatim(pair.reference, pair.reference_missing)
    with fourth:
        st.markdown("**Evidence**")
        elements.verbatim(pair.evidence or None, "the reference quotes no span of the passage")
        elements.plain_text(f"{pair.title}\n{pair.address}"[:400])
    _scores(pair)
    _more(pair)


def _cut_off(cut: bool) -> None:
    if cut:
        st.caption("Truncated at the token or time limit.")


def _scores(pair: AnswerPair) -> None:
    reasons = pair.unscored or {}
    rows = [{"metric": labels.metric(name), "before": before, "after": after, "change": pair.change(name),
             **({"reason missing": reasons.get(name, "")} if reasons else {}),
             "scored by": labels.judge((pair.judges or {}).get(name, ""))}
            for name, (before, after) in pair.scores.items()]
    if rows:
        elements.data_table(rows, signed={"change": 3}, numbers={"before": 3, "after": 3},
                            column_config={"metric": st.column_config.TextColumn(width=240)})


def _more(pair: AnswerPair) -> None:
    with st.expander("Distractors (wrong options of choice accuracy)", icon=":material/quiz:"):
        for rule, distractor in pair.foils:
            elements.plain_text(rule)
            elements.verbatim(distractor)
        if not pair.foils:
            st.caption("This question has none.")
    with st.expander("Full passage", icon=":material/article:"):
        elements.verbatim(pair.passage)


def _difference(title: str, before: str | None, after: str | None) -> None:
    st.caption(title)
    if before is None or after is None:
        elements.plain_text("(one of the two is missing)")
        return
    elements.word_diff(before, after)
