"""The processes that share one training, one a device: how many there are, which one this is, what they agree on.

Outside of `torchrun` there is one process, which agrees with itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist


def processes() -> int:
    """Return how many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Return whether this process is the one that writes files and reports."""
    return processes() == 1 or dist.get_rank() == 0


@contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process through the block, then the others, so that these find what it wrote."""
    if not is_first():
        dist.barrier()
    yield
    if processes() > 1 and is_first():
        dist.barrier()


def total(value: int) -> int:
    """Return the sum of a number over all processes; every process has to ask."""
    if processes() == 1:
        return value
    values = [0] * processes()
    dist.all_gather_object(values, value)
    return sum(values)
