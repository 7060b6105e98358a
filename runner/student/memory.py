"""Memory that runs out, as the student's own error; and memory that is done with, given back."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from runner.student.errors import OutOfMemory


@contextmanager
def typed_memory_errors(doing: str) -> Iterator[None]:
    """Run the block; an allocation that fails in it becomes `OutOfMemory`, saying what was being done."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise _out_of_memory(doing, error) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # how the CPU allocator of torch says it
            raise
        raise _out_of_memory(doing, error) from error


def give_back() -> None:
    """Return freed memory to the system: after a training glibc keeps most of a GB in its heaps."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl has not
        if trim is not None:
            trim(0)


def _out_of_memory(doing: str, error: BaseException) -> OutOfMemory:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    detail = (str(error).strip().splitlines() or ["no detail"])[0][:200]
    return OutOfMemory(f"memory ran out while {doing}: {detail}; use a smaller batch, precision nf4 or a smaller "
                       "student")
