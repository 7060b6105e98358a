"""Runs in batches whose workers and pollers are killed: nothing is paid twice, and nothing that is paid is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_no_call_of_a_batch_is_paid_twice_however_often_processes_are_killed() -> None:
    """In a process of its own: one that forks must not have opened a database."""
    done = subprocess.run([sys.executable, "-m", "tests.chaos.batch_kills", "--kills", "6", "--seed", "5"],
                          cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "6 kill -9s" in done.stdout and "; 0 failures" in done.stdout
