"""Table of runs with the headline change of each; a click anywhere in a row selects it, boxes select many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.figures.verdict_marks import verdict_mark
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models.interval_image import interval_image, reach_of
from dashboard.widgets import elements
from store import queries
from store.database import Store
from store.headline import margin_of
from store.queries import Batch, ChangeRow, GroupSize, Run, TeacherUsage


A_PAGE = 100
"""Number of runs per page."""
ALWAYS = ("name",)
SHOWN_FIRST = ("state", "verdict", "change", "interval", "before", "after", "created", "duration, min", "group",
               "teacher cost", "student", "training length", "learning rate", "tags", "note", "run")
"""Columns of a table that nobody has changed."""
_NO_GROUPS: Mapping[str, GroupSize] = {}
_NUMBERS = {"before": (None, 66), "after": (None, 66), "duration, min": ("%.1f", 100),
            "learning rate": ("%.2g", 105)}


def run_table(runs: Sequence[Run], usages: Mapping[str, TeacherUsage], changes: Mapping[str, ChangeRow],
              batches: Sequence[Batch] = (), groups: Mapping[str, GroupSize] = _NO_GROUPS) -> list[Run]:
    """Draw the runs, with teacher costs if any teacher was called; returns the selected runs.

    Args:
        runs: one row each.
        usages: usage of their teachers.
        changes: the headline change of each run that has one.
        batches: those on their way, whose progress stands beside the state of their runs.
        groups: sizes of the groups of runs, by name; a column names them if any run has one.
    """
    on_their_way = {batch.run: batch for batch in batches}
    grouped = any(run.group for run in runs)
    reach = reach_of(list(changes.values()))
    rows = [{"name": run.name or labels.DASH, **_result(run, on_their_way.get(run.id), changes.get(run.id), reach),
             **(_group(run, groups) if grouped else {}), **_cost(run, usages),
             **_settings(run)} for run in runs]
    shown = _columns([name for name in rows[0] if name not in ALWAYS])
    table = elements.data_table(
        [{name: row[name] for name in row if name in (*ALWAYS, *shown)} for row in rows], key="run table",
        on_select="rerun", selection_mode=["multi-row", "single-cell"], signed={"change": 2},
        numbers={"before": 2, "after": 2}, counts=("training questions", "test questions"),
        height=min(520, 36 * len(runs) + 40),
        column_config={"name": st.column_config.TextColumn(width=190),
                       "group": st.column_config.TextColumn(width=170),
                       "state": st.column_config.TextColumn(width=105),
                       "verdict": st.column_config.TextColumn(width=130),
                       "interval": st.column_config.ImageColumn(width=132, help="Change of the headline metric with "
                                                                "its 95% interval; the dashed line is no change."),
                       **{name: st.column_config.NumberColumn(format=form, width=width)
                          for name, (form, width) in _NUMBERS.items()}})
    many = [runs[row] for row in (table.selection.rows if table else ()) if row < len(runs)]
    one = elements.selected_row(table, len(runs))
    return many or ([] if one is None else [runs[one]])


def _columns(names: Sequence[str]) -> list[str]:
    """Draw the choice of columns."""
    with st.popover("Columns", icon=":material/view_column:", type="tertiary"):
        return url_state.choose_many("Columns", "history columns", names, [name for name in names
                                                                          if name in SHOWN_FIRST], labels.heading,
                                     len(names), "The name is always shown. The export has all.")


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


def _result(run: Run, batch: Batch | None, change: ChangeRow | None, reach: float) -> dict[str, object]:
    """State, verdict and headline numbers."""
    verdict = labels.verdict(run.verdict)
    color = verdict_mark(change.verdict, "", "").color if change else ""
    return {
        "state": f"{labels.work(run.work).sign} {labels.work(run.work).label}" + _progress(batch),
        "verdict": f"{verdict.sign} {verdict.label}" if run.verdict else labels.DASH,
        "change": change.change if change else None, "interval": interval_image(change, reach, color),
        "before": change.baseline if change else None, "after": change.tuned if change else None,
        "created": elements.local_time(run.requested_at), "duration, min": _minutes(run),
    }


def _settings(run: Run) -> dict[str, object]:
    config = run.config
    return {
        "student": labels.student(config.student), "training length": labels.training_length(config),
        "learning rate": config.learning_rate, "headline": labels.metric_short(config.headline),
        "margin": margin_of(config, config.headline),
        "tags": ", ".join(run.tags), "note": run.note[:200], "cycles": config.cycles,
        "training questions": config.questions, "test questions": config.held_out, "teacher": config.teacher,
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
