"""An MCP server over the client: list runs, read verdicts, and launch what a person has confirmed."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from distill.client import ApiError, Client

MOST_RUNS = 50
INSTRUCTIONS = ("Runs distill a teacher into a small student and measure on a locked test whether it helped. Report a "
                "verdict with its interval, and 'inconclusive' as such. Launch only what the person has confirmed.")
_READS = ToolAnnotations(read_only_hint=True)
_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True)


def build_server(client: Client) -> MCPServer:
    """Return the server; each tool is one or two requests of the client."""
    server = MCPServer("distill", instructions=INSTRUCTIONS)

    @server.tool(annotations=_READS)
    def list_runs(state: str = "", limit: int = 20) -> list[dict[str, Any]]:
        """List runs, newest first: id, name, state and verdict. `state` may be queued, running, finished or failed."""
        runs = itertools.islice(client.runs(state=state), min(max(limit, 1), MOST_RUNS))
        return _answer(lambda: [{"id": run.id, "name": run.name, "state": run.state, "verdict": run.verdict,
                                 "requested_at": run.requested_at.isoformat()} for run in runs])

    @server.tool(annotations=_READS)
    def read_verdict(run: str) -> dict[str, Any]:
        """Read a run's verdict: its sentence, and the paired change of the deciding metric with its 95% interval."""
        return _answer(lambda: dataclasses.asdict(client.verdict(run)))

    @server.tool(annotations=_READS)
    def compare_verdicts(runs: list[str]) -> list[dict[str, Any]]:
        """Read the verdicts of up to 10 runs side by side. Each is against its own untrained student: two runs are only
        compared with one another by the command `compare`, on the same test."""
        return _answer(lambda: [dataclasses.asdict(client.verdict(run)) for run in runs[:10]])

    @server.tool(annotations=_WRITES)
    def launch_run(settings: dict[str, Any], key: str, confirmed: bool = False) -> dict[str, Any]:
        """Queue a run. Call it first without `confirmed`, show the person what would be launched, and call it again
        with confirmed=true only after they agreed. `key` names the launch: the same key again is the same run."""
        if not confirmed:
            return {"launched": False, "settings": settings,
                    "next": "Nothing was launched. Ask the person, then call again with confirmed=true."}
        return _answer(lambda: {"launched": True, "run": client.launch(settings, key=key).id})

    return server


def _answer(ask: Any) -> Any:
    """What the client returns; what the interface refuses is an error with its sentences."""
    try:
        return ask()
    except ApiError as error:
        raise ToolError("; ".join(error.errors) or str(error)) from error
