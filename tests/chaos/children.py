"""Fork, query, await and kill the child processes of a chaos campaign."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.chaos.forked_processes import forked

PATIENCE_SECONDS = 90.0


def asked(act: Callable[[], Any], folder: Path) -> Any:
    """Run a function in a child, which may open databases, and return its result."""
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)

    def find_out() -> int:
        answer.write_text(json.dumps(act()))
        return 0

    code = wait(forked(find_out))
    assert code == 0, f"a question ended with {code}"
    return json.loads(answer.read_text())


def wait(pid: int) -> int:
    """Return the exit code of a child, negative for a signal. A child that hangs is killed, which is a failure."""
    if pid in _ENDED:
        return _ENDED.pop(pid)
    until = time.monotonic() + PATIENCE_SECONDS
    while not has_ended(pid):
        if time.monotonic() > until:
            send(pid, signal.SIGKILL)
        time.sleep(0.002)
    return _ENDED.pop(pid)


_ENDED: dict[int, int] = {}


def has_ended(pid: int) -> bool:
    if pid not in _ENDED:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            _ENDED[pid] = os.waitstatus_to_exitcode(status)
    return pid in _ENDED


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def send(pid: int, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)
