"""Query the nodes of clusters: those that are there, what runs on each, and those that were lost lately."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import or_, select

from store import schema
from store.database import Store

SHOWN_SECONDS = 7 * 24 * 3600.0
"""How long a node that is gone is shown."""


@dataclass(frozen=True)
class NodeState:
    """A node as its runner last saw it."""

    name: str
    alive: bool
    cpus: float
    gpus: float
    cpus_used: float
    gpus_used: float
    since: datetime
    gone_at: datetime | None
    reason: str
    """Why it is gone."""
    runs: tuple[str, ...]
    """Runs whose workers are on it."""


def nodes(store: Store) -> list[NodeState]:
    """Return the nodes that are there, by name, then those that were lost in the last week, the latest first."""
    table, runs = schema.nodes, schema.runs
    with store.read() as connection:
        rows = connection.execute(select(table).where(or_(
            table.c.alive, table.c.gone_at > time.time() - SHOWN_SECONDS))).all()
        placed = connection.execute(select(runs.c.id, runs.c.node).where(
            runs.c.work == "running", runs.c.node.is_not(None))).all()
    found = [NodeState(row.name, row.alive, row.cpus, row.gpus, row.cpus_used, row.gpus_used, _moment(row.since),
                       _moment(row.gone_at) if row.gone_at else None, row.reason,
                       tuple(run.id for run in placed if row.alive and run.node.split(" ")[0] == row.name))
             for row in rows]
    return sorted(found, key=lambda node: (not node.alive, -(node.gone_at or node.since).timestamp() if node.gone_at
                                           else 0.0, node.name))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
