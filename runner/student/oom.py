"""Memory that runs out, as the student's own error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from runner.student.errors import OutOfMemory


@contextmanager
def translate_oom(doing: str) -> Iterator[None]:
    """Run the block; an allocation that fails in it becomes `OutOfMemory`, saying what was being done."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(doing, error) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # how the CPU allocator of torch says it
            raise
        raise _out_of_memory(doing, error) from error


def _out_of_memory(doing: str, error: BaseException) -> OutOfMemory:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    detail = (str(error).strip().splitlines() or ["no detail"])[0][:200]
    return OutOfMemory(f"memory ran out while {doing}: {detail}; use a smaller batch, precision nf4 or a smaller "
                       "student")
