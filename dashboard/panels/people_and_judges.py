"""People's blind ratings against each metric: kappa, the table of disagreements, and the corrected preference."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store.analysis.people_and_judges import MIN_RATED, JudgedByPeople, judged_by_people
from store.queries import AnswerPair, Rating

_WORDS = ("worse", "the same", "better")


def people_and_judges(pairs: Sequence[AnswerPair], ratings: Sequence[Rating], cycle: int,
                      metrics: Sequence[str]) -> None:
    """Draw the comparison for one cycle; nothing if nobody rated its answers."""
    found = judged_by_people(pairs, [rating for rating in ratings if rating.cycle == cycle], metrics)
    if not found:
        return
    st.subheader("People and metrics")
    st.caption(f"Cycle {cycle}, blind ratings. {labels.PEOPLE_NOTE}")
    elements.table([_row(one) for one in found], "people-and-judges", "people and judges")
    if not any(one.corrected for one in found):
        st.caption(f"From {MIN_RATED} rated questions on, the ratings correct each metric's preference.")
    with st.expander("Disagreements", icon=":material/compare_arrows:"):
        for one in found:
            st.markdown(f"**{labels.metric_short(one.metric)}**")
            elements.static_table([{"people say": word, **{f"the metric says {other}": count for other, count in
                                                           zip(_WORDS, row, strict=True)}}
                                   for word, row in zip(_WORDS, one.kappa.counts, strict=True)])


def _row(one: JudgedByPeople) -> dict[str, object]:
    found = one.corrected
    return {"metric": labels.metric_short(one.metric), "ratings": one.agreement.pairs,
            "kappa": labels.number(one.kappa.value),
            "95% interval of kappa": labels.interval(one.kappa.low, one.kappa.high),
            "preference, corrected": labels.change(found.mean if found else None),
            "95% interval": labels.interval(found.low, found.high) if found else labels.DASH,
            "by people alone": f"{labels.change(found.people)} ({labels.interval(found.people_low, found.people_high)})"
            if found else labels.DASH,
            "by the metric alone": labels.change(found.judge if found else None)}
