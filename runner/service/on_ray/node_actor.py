"""What a Ray cluster executes on a node: an actor that hosts one worker, and the checks of `doctor --ray`.

Sent to the nodes as code, by value: this module imports nothing of the program at the top, so that a node without the
program, or with another version of it, can say so.
"""

from __future__ import annotations

import sys
from typing import Any


def import_from(root: str, module: str) -> Any:
    """Import a module of the program that lies at `root` on this node.

    Raises:
        ImportError: it is not there.
    """
    import importlib

    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(module)


def node_name() -> str:
    """Return this node's host and the beginning of its id in the cluster."""
    import socket

    import ray

    return f"{socket.gethostname()}/{ray.get_runtime_context().get_node_id()[:8]}"


class HostActor:
    """Hosts one worker. Its methods are coroutines: a signal reaches the worker while it works."""

    def __init__(self, root: str) -> None:
        import asyncio

        import ray

        self._root = root
        self._node_id = ray.get_runtime_context().get_node_id()
        gpus = ", ".join(str(gpu) for gpu in ray.get_gpu_ids())
        self._node = node_name() + (f" GPU {gpus}" if gpus else "")
        self._made = asyncio.Event()

    async def execute(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start the worker that `request` describes, and return how it ended, as fields of WorkerExit."""
        try:
            hosting = import_from(self._root, "runner.service.worker_host")
            journal = import_from(self._root, "store.event_log.journal")
        except ImportError as error:
            return {"lost": "not placed", "reason": f"node {self._node} has no program at {self._root}: {error}"}
        request = dict(request, claim=journal.Claim(*request["claim"]))
        self._host = hosting.WorkerHost(self._node)
        self._made.set()
        fields: dict[str, Any] = hosting.as_fields(await self._host.execute(hosting.WorkerRequest(**request)))
        return fields

    async def started(self) -> tuple[str, str, int]:
        """Return the node's id and name and the worker's process id, as soon as the worker was started."""
        await self._made.wait()
        return self._node_id, self._node, await self._host.started()

    async def send_signal(self, number: int) -> None:
        """Send a signal to the worker's process group."""
        if self._made.is_set():
            await self._host.send_signal(number)


def check_node(root: str, code_sha256: str, environment: dict[str, str], written: str) -> dict[str, Any]:
    """Return what `doctor --ray` asks of a node: versions, and whether it can do all that a run needs there."""
    import platform

    import ray

    found: dict[str, Any] = {"node": node_name(), "python": platform.python_version(), "ray": ray.__version__}
    try:
        checks = import_from(root, "runner.service.node_checks")
    except ImportError as error:
        return found | {"problems": [f"no program at {root}: {error}"]}
    return found | dict(checks.node_findings(code_sha256, environment, written))
