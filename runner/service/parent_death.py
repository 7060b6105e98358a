"""Kill a worker when its runner is killed (PR_SET_PDEATHSIG), so that no orphan process goes on working."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_parent(owner: str) -> None:
    """Have the kernel kill this process when its parent, the runner `owner`, exits; exit now if it already has.

    Linux only: elsewhere an orphan continues until it finds that its claim was taken over. The kernel watches the
    *thread* of the parent that started the child, so a runner must start workers from a thread that lives as long as
    the runner.
    """
    if platform.system() != "Linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(owner.rsplit(":", 2)[1]):
        sys.exit(4)
