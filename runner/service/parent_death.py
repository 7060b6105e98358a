"""Kill a worker when the process that started it is killed, so that no orphan goes on working."""

from __future__ import annotations

import os

from runner.hardware.parent_death import kill_with_parent

PARENT_VARIABLE = "RUNNER_PARENT"
"""Process id of a worker's parent, where that is not the runner itself."""


def die_with_parent(owner: str) -> None:
    """Have the kernel kill this process when its parent exits; exit now if it already has.

    The parent is the runner `owner`, or the process that PARENT_VARIABLE names. The kernel watches the *thread* of the
    parent that started the child, so workers must be started from a thread that lives as long as the parent.
    """
    kill_with_parent(int(os.environ.get(PARENT_VARIABLE) or owner.rsplit(":", 2)[1]))
