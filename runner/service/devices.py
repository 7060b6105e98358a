"""How many runs a runner executes at once, and on which GPU each: one a GPU, and on the CPU one, unless told otherwise.

The driver's own tool is asked, not torch: the runner itself loads no model.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from itertools import takewhile

from runner.errors import UserError

MOST_AT_ONCE = 64
"""The most runs that one runner executes at a time."""
_ASK_SECONDS = 20.0


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them; empty if there are none."""
    if (chosen := environment.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = takewhile(lambda name: name != "-1", (name.strip() for name in chosen.split(",")))
        return tuple(name for name in names if name)
    tool = shutil.which("nvidia-smi", path=environment.get("PATH"))
    if tool is None:
        return ()
    try:
        listed = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):  # a tool without a driver
        return ()
    return tuple(re.findall(r"^GPU (\d+):", listed, flags=re.M))


def first_gpus(wanted: int, environment: Mapping[str, str]) -> str:
    """Return so many of the GPUs that this process may use, as the value of CUDA_VISIBLE_DEVICES.

    Raises:
        UserError: there are fewer.
    """
    gpus = visible_gpus(environment)
    if wanted > len(gpus):
        there = f"{len(gpus)} ({', '.join(gpus)})" if gpus else "none"
        raise UserError(f"--gpus {wanted}: of this machine's GPUs this process may use {there}; ask for as many, or "
                        "change CUDA_VISIBLE_DEVICES")
    return ",".join(gpus[:wanted])


def runs_at_once(wanted: int | None, gpus: tuple[str, ...]) -> int:
    """Return how many runs go at once: never two on a GPU; on the CPU alone as many as wanted, by default one."""
    return min(wanted or len(gpus), len(gpus)) if gpus else wanted or 1
