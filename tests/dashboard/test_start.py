"""The documented start command, run as a process in the repository root."""

from __future__ import annotations

from pathlib import Path

from tests.dashboard.served import serve


def test_the_start_command_serves_the_app(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert server.get("/_stcore/health") == "ok"
        assert "<title>" in server.get("/")
    assert server.exit_code is not None
    assert not list(tmp_path.glob("events.db*")), "serving alone must write nothing"
