"""The MCP server, asked by the protocol's own client: reads, and launches only what was confirmed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from distill import Client
from store import queries

mcp = pytest.importorskip("mcp")


def called(address: str, tool: str, **arguments: Any) -> Any:
    """The result of one tool."""
    from distill.mcp_server import build_server

    async def ask() -> Any:
        with Client(address) as client:
            async with mcp.Client(build_server(client)) as session:
                return await session.call_tool(tool, arguments)

    return asyncio.run(ask())


def content(result: Any) -> Any:
    assert not result.is_error, result.content
    found = result.structured_content
    return found.get("result", found) if found else json.loads(result.content[0].text)


def test_runs_and_verdicts_are_those_of_the_store(served: Any, address: str) -> None:
    assert [run["id"] for run in content(called(address, "list_runs", state="finished"))] == [served.finished]
    run = queries.find_run(served.store, served.finished)
    verdict = content(called(address, "read_verdict", run=served.finished))
    assert run and verdict["sentence"] == run.sentence and verdict["change"]["low"] is not None
    both = content(called(address, "compare_verdicts", runs=[served.finished, served.queued]))
    assert [one["verdict"] for one in both] == [run.verdict, None]


def test_a_run_is_launched_once_and_only_when_it_was_confirmed(served: Any, address: str) -> None:
    before = queries.count_of_runs(served.store)
    asked = {"settings": {"questions": 5, "topics": ["pods"]}, "key": "by-a-model"}
    assert not content(called(address, "launch_run", **asked))["launched"]
    assert queries.count_of_runs(served.store) == before
    runs = {content(called(address, "launch_run", **asked, confirmed=True))["run"] for _ in range(2)}
    assert len(runs) == 1 and queries.count_of_runs(served.store) == before + 1


def test_what_is_refused_is_an_error_with_its_sentence(address: str) -> None:
    refused = called(address, "launch_run", settings={"questoins": 1}, key="k", confirmed=True)
    assert refused.is_error and "no setting 'questoins', did you mean questions?" in refused.content[0].text
    assert "no run 'none'" in called(address, "read_verdict", run="none").content[0].text
