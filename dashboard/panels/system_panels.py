"""Panels of the page System: tables, or a sentence where there is nothing to show."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import streamlit as st

from dashboard.access import disk_usage
from dashboard.access.disk_usage import StoredFile
from dashboard.style import labels
from dashboard.widgets import elements
from store.program_name import NAME
from store.queries import Environment, Run, RunnerState, StoreFacts
from store.queries.webhooks import Webhook


def runners(found: Sequence[RunnerState]) -> None:
    """Draw the known runners with their last heartbeats."""
    if not found:
        st.warning(labels.NO_RUNNER, icon=":material/link_off:")
        return
    elements.table([{"runner": one.owner, "host": one.host, "process": one.pid,
                     "state": "✓ connected" if one.connected else "? disconnected",
                     "last heartbeat": f"{labels.duration(one.beat_seconds_ago)} ago",
                     "started": elements.local_time(one.started_at)} for one in found], "runners", "runners")


def plan(runs: Sequence[Run]) -> None:
    """Draw device, precision and batch size of the newest run that has a plan, with the reason."""
    run = next((run for run in runs if run.plan), None)
    if run is None or run.plan is None:
        st.caption(f"No run has a plan yet. `{NAME} doctor` shows what this machine can run.")
        return
    chosen = run.plan
    elements.plain_text(f"Reason: {chosen.get('reason', labels.DASH)}")
    elements.table([{"run": run.title, "student": chosen.get("student"), "device": chosen.get("device"),
                     "precision": chosen.get("precision"), "training batch size": chosen.get("batch_size"),
                     "threads": chosen.get("threads"), "parameters": f"{chosen.get('parameters', 0):,}"}],
                   "plan", "plan", [{"run": run.id, **chosen}])


def store_facts(facts: StoreFacts) -> None:
    """Draw address, engine, schema version and size of the store."""
    elements.table([{"store": facts.address, "engine": facts.engine, "schema version": facts.schema_version,
                     "events": f"{facts.events:,}", "runs": f"{facts.runs:,}",
                     "last event": elements.local_time(facts.last_event_at)}], "store", "store")


def webhooks(found: Sequence[Webhook]) -> None:
    """Draw how the deliveries of each webhook went; those that were given up stand out."""
    if not found:
        st.caption(f"No webhook: `{NAME} webhook add NAME URL` adds one.")
        return
    for hook in found:
        if hook.dead:
            st.warning(f"{hook.dead} to `{hook.name}` given up after a day: `{NAME} webhook send-again "
                       f"{hook.name}` sends them again.", icon=":material/link_off:")
    elements.table([{"webhook": hook.name, "host": urlsplit(hook.url).hostname, "format": hook.format,
                     "delivered": hook.delivered, "pending": hook.pending, "given up": hook.dead,
                     "latest error": hook.error or ""} for hook in found], "webhooks", "webhooks",
                   counts=("delivered", "pending", "given up"))


def stored_files_table(found: Sequence[StoredFile], free: int | None, folder: str) -> None:
    """Draw the store's files, models and backups, and the free disk space."""
    if free is not None:
        elements.plain_text(f"{folder}: {disk_usage.size(free)} of free disk space")
    rows = [{"kind": one.kind, "name": one.name, "size": disk_usage.size(one.size_bytes),
             "modified": elements.local_time(one.changed_at)} for one in found]
    if rows:
        elements.data_table(rows)
        elements.export_buttons(rows, "data-folder", "things")
    if not any(one.kind == "backup" for one in found):
        st.caption(f"No backup yet: a runner service makes one a day; `{NAME} backup` makes one now.")


def versions(environment: Environment | None) -> None:
    """Draw the package versions of the run that was started last."""
    if environment is None:
        st.caption("No run has started yet, so no versions are recorded.")
        return
    st.caption(f"Packages of the last started run ({elements.local_time(environment.at)}).")
    elements.table([{"package": name, "version": version} for name, version in environment.versions.items()],
                   "versions", "versions", width="content")
