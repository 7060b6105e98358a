"""Heartbeats of runners: each records that it is alive, and by when its next heartbeat is due."""

from __future__ import annotations

import time

from store.database import Store
from store.event_log.leases import owner_device
from store.projections.row_updates import upsert
from store.schema import runners
from store.timestamps import utc_now

HEARTBEAT_SECONDS = 2.0
"""How often a runner records a heartbeat."""
MISSED_HEARTBEATS = 5
"""After this many missed heartbeats a runner counts as disconnected."""


def record_heartbeat(store: Store, owner: str, started_at: str, stopped: bool = False) -> None:
    """Record that this runner is alive (or `stopped`), and the time by which its next heartbeat is due."""
    now = time.time()
    _, pid, _ = owner.rsplit(":", 2)
    row = {"owner": owner, "host": owner_device(owner), "pid": int(pid), "started_at": started_at, "beat_at": now,
           "next_beat_by": now + HEARTBEAT_SECONDS * MISSED_HEARTBEATS, "stopped": stopped}
    with store.write() as connection:
        upsert(connection, runners, [row])


def register_runner(store: Store, owner: str) -> str:
    """Record the first heartbeat; return the start time to pass to `record_heartbeat` from then on."""
    started_at = utc_now()
    record_heartbeat(store, owner, started_at)
    return started_at
