"""Stop a child process and the processes that it started, first gently, then by force."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def terminate_process_group(process: subprocess.Popen[bytes], *signals: tuple[signal.Signals, float]) -> None:
    """Send each (signal, timeout in seconds) to a child's process group, until the child exits within the timeout."""
    for number, timeout in signals:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
            return
