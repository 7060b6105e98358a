"""Tell whether a runner works on another machine, where this one's files, keys and network say nothing."""

from __future__ import annotations

import socket

from dashboard.access import store_access
from store import queries
from store.database import StoreError


def has_remote_runner() -> bool:
    """Whether a connected runner is on another host than the dashboard."""
    try:
        store = store_access.read_store()
        connected = queries.connected_runners(store) if store else []
    except StoreError:
        return False
    return any(runner.host.partition("/")[0] != socket.gethostname() for runner in connected)
