"""Translate out-of-memory errors of torch and Python into `OutOfMemory`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from runner.student.errors import OutOfMemory


@contextmanager
def translate_oom(doing: str) -> Iterator[None]:
    """Raise `OutOfMemory` for a failed allocation in the block; `doing` describes the operation in its message."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(doing, error) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # the message of torch's CPU allocator
            raise
        raise _out_of_memory(doing, error) from error


def _out_of_memory(doing: str, error: BaseException) -> OutOfMemory:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    detail = (str(error).strip().splitlines() or ["no detail"])[0][:200]
    return OutOfMemory(f"memory ran out while {doing}: {detail}; use a smaller batch, precision nf4 or a smaller "
                       "student")
