"""Parts of the page Compare: the tuned students against each other on one test, and what the control arms came to."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard import arm_findings, comparing, export, remembered, showing, text
from dashboard.comparing import Picked
from store.database import Store
from store.tuned_beside_tuned import Beside, Refused


def tuned_against_tuned(store: Store, picked: Sequence[Picked]) -> None:
    """Every other tuned student against the first chosen one, question by question; what cannot be paired says why."""
    st.subheader("Tuned against tuned")
    first, *_ = names = comparing.labels(picked)
    called = dict(zip((comparing.key_of(item.run.id, item.cycle) for item in picked), names, strict=True))
    paired, refused = remembered.beside(store, [(item.run, item.cycle) for item in picked])
    if paired:
        showing.plain(f"On the very same held-out questions: before is {first}, after is the cycle that is named.")
        rows = [_row(one, called) for one in paired]
        showing.frame(rows, height=min(320, 36 * len(rows) + 40),
                      column_config={"metric": st.column_config.TextColumn(width=160)})
        showing.take_along(export.beside_rows(paired), "tuned-against-tuned", "beside")
    for reason in dict.fromkeys(_why(one, called) for one in refused):
        showing.plain(reason)


def control_arms(store: Store, picked: Sequence[Picked], metric: str) -> None:
    """The control arms of every chosen run that has any, by one metric; nothing where none has."""
    runs = {item.run.id: item.run for item in picked}
    rows = [{"run": run.title, **row} for run in runs.values()
            for row in arm_findings.table(remembered.arms(store, run).changes, metric)]
    if rows:
        st.subheader("Other ways to an answer")
        st.caption(text.ARMS_NOTE)
        showing.frame(rows)
        showing.take_along(rows, "control-arms", "arms compared")


def _row(one: Beside, called: dict[str, str]) -> dict[str, str]:
    found, verdict = one.found, text.verdict(one.verdict)
    return {"cycle": called[one.other], "metric": text.metric_short(one.metric),
            "before": text.number(found.baseline, 3), "after": text.number(found.tuned, 3),
            "change": text.change(found.change, 3), "95% interval": text.interval(found.low, found.high),
            "verdict": f"{verdict.sign} {verdict.word}",
            "pairs": text.coverage(found.scored, found.asked), "judge": one.judge}


def _why(one: Refused, called: dict[str, str]) -> str:
    by = f" by {text.metric(one.metric)}" if one.metric else ""
    return f"{called[one.other]} against {called[one.one]}{by}: not paired, because {one.reason}."
