"""Panels of the page System about a cluster: its nodes and what runs where, losses, and the queue with its reasons."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.panels.queue_position import position_sentence
from dashboard.style import labels
from dashboard.widgets import elements
from store.program_name import NAME
from store.queries import Run
from store.queries.nodes import NodeState


def nodes(found: Sequence[NodeState], runs: Sequence[Run]) -> None:
    """Draw the nodes that are there and what runs on them, and those that were lost in the last week."""
    titles = {run.id: run.title for run in runs}
    here, gone = [node for node in found if node.alive], [node for node in found if not node.alive]
    if not found:
        st.caption(f"No cluster: the runner executes runs on its own machine. `{NAME} serve --ray` uses one.")
        return
    elements.table([{"node": node.name, "GPUs used": _used(node.gpus_used, node.gpus),
                     "CPUs used": _used(node.cpus_used, node.cpus),
                     "runs": ", ".join(titles.get(run, run) for run in node.runs) or labels.DASH,
                     "since": elements.local_time(node.since)} for node in here], "nodes", "nodes")
    if gone:
        elements.table([{"lost node": node.name, "lost": elements.local_time(node.gone_at), "reason": node.reason}
                        for node in gone], "lost-nodes", "lost nodes")


def queue(waiting: Sequence[Run], at_work: int) -> None:
    """Draw the queued runs in their order, each with what it waits for."""
    if not waiting:
        st.caption("No run is queued.")
        return
    elements.table([{"run": run.title, "priority": run.priority, "waits for": waits_for(run, before, at_work)}
                    for before, run in enumerate(waiting)], "queue", "queue")


def waits_for(run: Run, before: int, at_work: int) -> str:
    """Return what a queued run waits for: a place on the cluster, or the runs before it."""
    return run.waits_for or position_sentence(before, at_work)


def _used(used: float, total: float) -> str:
    return f"{used:g} of {total:g}"
