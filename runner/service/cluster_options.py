"""How a runner uses a Ray cluster; its address is checked without Ray."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

LOCAL, AUTO = "local", "auto"
JOB_SCHEMES = ("http://", "https://")
HEALTH_CHECKS = {"RAY_health_check_initial_delay_ms": "1000", "RAY_health_check_period_ms": "1000",
                 "RAY_health_check_timeout_ms": "1000", "RAY_health_check_failure_threshold": "3"}
"""For a head: a node that is gone counts as lost after 3 s; by Ray's defaults after 15 s."""


@dataclass(frozen=True)
class RayOptions:
    """How a runner uses a Ray cluster."""

    address: str
    """`local` or `auto`."""
    gpus: int | None = None
    """GPUs that each run gets; None: one where a node has one."""


def require_token() -> None:
    """Have Ray ask for a token and show one; to be called before it is imported, because it reads this only then."""
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def refuse_address(address: str) -> str | None:
    """Return why an address of a cluster cannot be used; None if it can."""
    if address in (LOCAL, AUTO):
        return None
    if address.startswith("ray://"):
        return (f"{address} is a Ray Client, whose driver ends when its connection drops: use --ray auto on a node of "
                "the cluster, or --ray http://HEAD:8265, which submits the runner as a job")
    if address.startswith(JOB_SCHEMES) and urlsplit(address).hostname:
        return None
    return f"{address!r} is no address of a Ray cluster: use local, auto, or http://HEAD:8265"
