"""Chart of the page History: the headline change of the listed runs over time, duration, size or cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from dashboard.figures.run_changes import AXES, RunPoint, run_changes
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.widgets import elements
from store.queries import ChangeRow, Run, TeacherUsage

_FEWEST = 2
UNFOLDED = "run changes unfolded"
"""Session key of the expander."""


def changes_of_runs(runs: Sequence[Run], changes: Mapping[str, ChangeRow],
                    usages: Mapping[str, TeacherUsage]) -> None:
    """Draw the runs of the domain and headline metric that most of them have; nothing for fewer than two."""
    measured = [run for run in runs if run.id in changes and changes[run.id].change is not None]
    kinds = Counter((run.config.knowledge, run.config.headline) for run in measured)
    if not kinds or max(kinds.values()) < _FEWEST:
        return
    knowledge, metric = kinds.most_common(1)[0][0]
    shown = [run for run in measured if (run.config.knowledge, run.config.headline) == (knowledge, metric)]
    part = elements.unfolded(f"Change over time: {labels.count(len(shown), 'run')} on "
                             f"{labels.knowledge(shown[0].config)}", UNFOLDED, ":material/scatter_plot:")
    if not part:
        return
    with part:
        axis = url_state.choose("Against", "history axis", list(AXES), "created", AXES.__getitem__,
                                "Differences between runs may come from any of their settings.")
        points = [RunPoint(run.title, at, changes[run.id]) for run in shown
                  if (at := _position(run, axis, usages)) is not None]
        if points:
            elements.chart(run_changes, "run changes", "Headline change of each run with its 95% interval", points,
                           metric, axis)
        else:
            st.caption("Not known of any of these runs.")


def _position(run: Run, axis: str, usages: Mapping[str, TeacherUsage]) -> datetime | float | None:
    """Where a run lies on the axis; None if that is not known."""
    if axis == "created":
        return run.requested_at.astimezone(elements.zone()).replace(tzinfo=None)
    if axis == "minutes":
        seconds = labels.run_seconds(run)
        return None if seconds is None else seconds / 60
    if axis == "questions":
        return float(run.config.questions * run.config.cycles)
    used = usages.get(run.id)
    return used.cost_usd if used else None
