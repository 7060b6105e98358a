"""The parts of the system page: tables of what is there, and a sentence where nothing is."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import disk_usage
from dashboard.access.disk_usage import StoredFile
from dashboard.style import labels
from dashboard.widgets import elements
from store.queries import Environment, Run, RunnerState, StoreFacts


def runners(found: Sequence[RunnerState]) -> None:
    """Who might do the work, and when each was last heard of."""
    if not found:
        st.warning(labels.NO_RUNNER, icon=":material/link_off:")
        return
    elements.table([{"runner": one.owner, "host": one.host, "process": one.pid,
                   "state": "✓ connected" if one.connected else "? not heard of any more",
                     "last heard of": f"{labels.duration(one.beat_seconds_ago)} ago",
                     "since": elements.local_time(one.started_at)} for one in found], "runners", "runners")


def plan(runs: Sequence[Run]) -> None:
    """How the newest planned run holds its student, and why: what the runner's machine can do."""
    run = next((run for run in runs if run.plan), None)
    if run is None or run.plan is None:
        st.caption("No run was planned yet. `python -m runner doctor` says what this machine can run, and why.")
        return
    plan = run.plan
    elements.plain_text(f"Why: {plan.get('reason', labels.DASH)}")
    elements.table([{"run": run.title, "student": plan.get("student"), "device": plan.get("device"),
                   "precision": plan.get("precision"), "training batch": plan.get("batch_size"),
                     "threads": plan.get("threads"), "parameters": f"{plan.get('parameters', 0):,}"}], "plan", "plan",
                   [{"run": run.id, **plan}])


def store_facts(facts: StoreFacts) -> None:
    """What the store is and how much it holds."""
    elements.table([{"store": facts.address, "engine": facts.engine, "schema version": facts.schema_version,
                   "events": f"{facts.events:,}", "runs": f"{facts.runs:,}",
                     "last event": elements.local_time(facts.last_event_at)}], "store", "store")


def stored_files_table(found: Sequence[StoredFile], free: int | None, folder: str) -> None:
    """Files of the store, models, and daily copies."""
    if free is not None:
        elements.plain_text(f"{folder}: {disk_usage.size(free)} free on its disk")
    rows = [{"what": one.kind, "name": one.name, "size": disk_usage.size(one.size_bytes),
             "changed": elements.local_time(one.changed_at)} for one in found]
    if rows:
        elements.data_table(rows)
        elements.export_buttons(rows, "data-folder", "things")
    if not any(one.kind == "backup" for one in found):
        st.caption("No backup yet: a serving runner makes one a day; `python -m runner backup` makes one now.")


def versions(made: Environment | None) -> None:
    """What the run that was taken up last was made with."""
    if made is None:
        st.caption("No run has started yet, so no versions are on record.")
        return
    st.caption(f"What the newest run to start was made with ({elements.local_time(made.at)}).")
    elements.table([{"package": name, "version": version} for name, version in made.versions.items()],
                   "versions", "versions", width="content")
