"""Have this process killed when the process that started it ends (PR_SET_PDEATHSIG)."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys

_PR_SET_PDEATHSIG = 1


def kill_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends; exit with code 4 if it already has.

    Linux only: elsewhere an orphan goes on. The kernel watches the *thread* of the parent that started the process.

    Args:
        parent: the parent's process id.
    """
    if platform.system() != "Linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(4)
