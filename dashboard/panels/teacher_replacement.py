"""Whether the student may replace its teacher, and whether its gain is knowledge or style."""

from __future__ import annotations

import dataclasses

import streamlit as st

from dashboard.access import cached_queries
from dashboard.figures.gain_shares import gain_shares
from dashboard.style import labels
from dashboard.widgets import elements
from store.analysis.teacher_replacement import (
    PART_MEANINGS, PART_TITLES, how_compared, replacement_sentence, replacement_verdict,
)
from store.database import Store
from store.queries import Run


def replacement(store: Store, run: Run) -> None:
    """Draw each fine-tuned student against the teacher's closed-book answers; nothing if that was not compared."""
    found = cached_queries.arms(store, run).replacements
    if not found:
        return
    st.subheader("May the student replace its teacher?")
    for one in found:
        style = labels.REPLACEMENTS.get(one.verdict, labels.verdict(one.verdict))
        verdict = replacement_verdict(one)
        with st.container(border=True):
            st.markdown(f"**{style.sign} {verdict[:1].upper()}{verdict[1:]}**")
            elements.plain_text(labels.signed(replacement_sentence(one)))
    st.caption(f"{how_compared(found[0])} {labels.REPLACEMENT_NOTE}")
    elements.export_buttons([dataclasses.asdict(one) for one in found], f"replacement-{run.id}", "replacement")


def shares(store: Store, run: Run, metric: str) -> None:
    """Draw the parts of the gain by one metric as a bar, with their intervals; nothing if it was not split."""
    parts = [part for part in cached_queries.arms(store, run).shares if part.metric == metric]
    if not parts:
        return
    st.subheader("Knowledge or style?")
    elements.chart(gain_shares, "gain shares", "The gain on the training questions split into wording, knowledge and "
                   "memory of the trained wording", parts, metric)
    elements.static_table([{"part": PART_TITLES[part.part], "gain": labels.change(part.gain, 3),
                            "95% interval": labels.interval(part.low, part.high),
                            "share of the gain": labels.number(part.share), "meaning": PART_MEANINGS[part.part]}
                           for part in parts])
    st.caption(labels.SHARES_NOTE.format(facts=parts[0].facts, asked=parts[0].asked))
    elements.export_buttons([dataclasses.asdict(part) for part in parts], f"gain-shares-{run.id}", "shares")
