"""Table of runs with single-row selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.database import Store
from store.queries import Batch, GroupSize, Run, TeacherUsage


A_PAGE = 100
"""Number of runs per page."""
_NO_GROUPS: Mapping[str, GroupSize] = {}


def run_table(runs: Sequence[Run], usages: Mapping[str, TeacherUsage],
              batches: Sequence[Batch] = (), groups: Mapping[str, GroupSize] = _NO_GROUPS) -> Run | None:
    """Draw the runs, with teacher costs if any teacher was called; returns the selected run.

    Args:
        runs: one row each.
        usages: usage of their teachers.
        batches: those on their way, whose progress stands beside the state of their runs.
        groups: sizes of the groups of runs, by name; a column names them if any run has one.
    """
    on_their_way = {batch.run: batch for batch in batches}
    grouped = any(run.group for run in runs)
    rows = [_row(run, usages, on_their_way.get(run.id), _group(run, groups) if grouped else {}) for run in runs]
    selection = elements.data_table(rows, key="run table", on_select="rerun", selection_mode="single-row",
                                    height=min(520, 36 * len(runs) + 40),
                                    column_config={"name": st.column_config.TextColumn(width=210),
                                                   "verdict": st.column_config.TextColumn(width=170),
                                                   "duration, min": st.column_config.NumberColumn(format="%.1f")})
    selected = selection.selection.rows if selection else []
    return runs[selected[0]] if selected and selected[0] < len(runs) else None


def group_members(store: Store, group: str) -> None:
    """Draw the runs of a group with their seeds, states and verdicts."""
    members = queries.runs_of_group(store, group)
    with st.expander(f"All {len(members)} runs of this group", expanded=True, icon=":material/folder_open:"):
        elements.data_table([{"name": run.title, "training seed": run.config.seed_of_training,
                              "state": f"{labels.work(run.work).sign} {labels.work(run.work).label}",
                              "verdict": labels.verdict(run.verdict).label if run.verdict else labels.DASH,
                              "run": run.id} for run in members], height=min(320, 36 * len(members) + 40))
        st.page_link("app_pages/compare.py", label="Result over questions and seeds",
                     icon=":material/stacked_bar_chart:", query_params={"group": group})


def _group(run: Run, groups: Mapping[str, GroupSize]) -> dict[str, object]:
    """The group of a run with its number of runs by state."""
    size = groups.get(run.group)
    if size is None:
        return {"group": labels.DASH}
    states = ", ".join(f"{count} {labels.work(work).label.lower()}" for work, count in sorted(size.works.items()))
    return {"group": f"{run.group}: {labels.count(size.runs, 'run')} ({states})"}


def _row(run: Run, usages: Mapping[str, TeacherUsage], batch: Batch | None,
         group: Mapping[str, object]) -> dict[str, object]:
    config, verdict = run.config, labels.verdict(run.verdict)
    return {
        "created": elements.local_time(run.requested_at), "name": run.name or labels.DASH, **group,
        "state": f"{labels.work(run.work).sign} {labels.work(run.work).label}" + _progress(batch),
        "verdict": f"{verdict.sign} {verdict.label}" if run.verdict else labels.DASH,
        "duration, min": _minutes(run), **_cost(run, usages),
        "tags": ", ".join(run.tags), "note": run.note[:200],
        "cycles": config.cycles, "training questions": config.questions, "test questions": config.held_out,
        "steps": config.steps if config.fine_tune else 0, "teacher": config.teacher, "student": config.student,
        "documents": labels.knowledge(config), "topics": labels.topics_trained(config), "run": run.id,
    }


def _progress(batch: Batch | None) -> str:
    """How much of a batch is done, and until when it may take."""
    if batch is None:
        return ""
    until = f", until {elements.local_time(batch.expires_at)}" if batch.expires_at else ""
    return f": {batch.completed + batch.failed} of {batch.total}{until}"


def _minutes(run: Run) -> float | None:
    """Duration in minutes as a number, so that the column sorts."""
    seconds = labels.run_seconds(run)
    return None if seconds is None else seconds / 60


def _cost(run: Run, usages: Mapping[str, TeacherUsage]) -> dict[str, str]:
    if not usages:
        return {}
    used = usages.get(run.id)
    return {"teacher cost": labels.money(used.cost_usd) if used else labels.DASH}
