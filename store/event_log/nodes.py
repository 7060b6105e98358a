"""Nodes of a cluster as its runner last saw them, and what runs wait for; not events: a node is no part of a result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from store.database import Store
from store.event_log.journal import Claim
from store.projections.row_updates import upsert
from store.schema import claims, nodes

NODE_VARIABLE = "RUNNER_NODE"
"""Names the node of a cluster that a worker is on; whatever starts the worker there sets it."""


@dataclass(frozen=True)
class Node:
    """One node of a cluster."""

    id: str
    name: str
    """Its address, as workers record it with a run."""
    alive: bool
    cpus: float = 0.0
    gpus: float = 0.0
    cpus_used: float = 0.0
    gpus_used: float = 0.0
    reason: str = ""
    """Why it is not alive."""


def record_nodes(store: Store, owner: str, seen: Sequence[Node]) -> None:
    """Record the nodes of a runner's cluster; those that it no longer names count as removed."""
    now, named = time.time(), {node.id for node in seen}
    with store.write() as connection:
        before = {row.id: row for row in connection.execute(select(nodes).where(nodes.c.owner == owner))}
        known = {row.id: row for row in connection.execute(select(nodes).where(nodes.c.id.in_(named)))}
        rows = [_row(node, owner, now, known[node.id].since if node.id in known else now,
                     known[node.id].gone_at if node.id in known else None) for node in seen]
        rows += [dict(row._mapping) | {"alive": False, "gone_at": now, "reason": "it left the cluster"}
                 for row in before.values() if row.id not in named and row.alive]
        if rows:
            upsert(connection, nodes, rows)


def _row(node: Node, owner: str, now: float, since: float, gone_at: float | None) -> dict[str, object]:
    return {"id": node.id, "name": node.name, "owner": owner, "alive": node.alive, "cpus": node.cpus,
            "gpus": node.gpus, "cpus_used": node.cpus_used, "gpus_used": node.gpus_used, "since": since,
            "gone_at": None if node.alive else gone_at or now, "reason": node.reason}


def record_wait(store: Store, claim: Claim, reason: str) -> None:
    """Record what a claimed run waits for; empty when it has a place. Nothing if the claim is outdated."""
    with store.write() as connection:
        connection.execute(update(claims).where(claims.c.run == claim.run, claims.c.fence == claim.fence)
                           .values(waits_for=reason or None))
