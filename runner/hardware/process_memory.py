"""Memory of this process: now, around a stage, and given back when it is done with."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from runner.hardware.machine import read

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as glibc's malloc.h has them
StageMemory = Callable[[], Mapping[str, float]]
"""Asked at a stage's end: series name -> bytes."""


@dataclass(frozen=True)
class Memory:
    """Memory of this process, right now and at its peak; GPU figures are 0 where torch uses none."""

    rss_bytes: int
    peak_rss_bytes: int
    """The most since the process began, or since the peak was last reset."""
    gpu_bytes: int
    gpu_reserved_bytes: int
    """Held by torch's allocator, in use or not."""
    gpu_peak_bytes: int


def memory_now() -> Memory:
    """Look at this process; GPU figures only where torch is loaded and uses one."""
    rss, cuda = psutil.Process().memory_info().rss, _cuda()
    peak = max(rss, _peak_rss())
    if cuda is None:
        return Memory(rss, peak, 0, 0, 0)
    return Memory(rss, peak, cuda.memory_allocated(), cuda.memory_reserved(), cuda.max_memory_allocated())


def track_stage_memory() -> StageMemory:
    """Begin a stage with its peaks at zero; what is returned tells memory before, after and at the most.

    Where the kernel does not let the resident peak be reset, a stage's own is not known, and is left out.
    """
    own_peak = _reset_peaks()
    before = memory_now()

    def tell() -> dict[str, float]:
        peak = memory_now()
        release_memory()
        after = memory_now()
        told = {"rss_before_bytes": before.rss_bytes, "rss_bytes": after.rss_bytes}
        if own_peak:
            told["peak_rss_bytes"] = peak.peak_rss_bytes
        if _cuda():
            told |= {"gpu_bytes": after.gpu_bytes, "gpu_reserved_bytes": after.gpu_reserved_bytes,
                     "gpu_peak_bytes": peak.gpu_peak_bytes}
        return {key: float(value) for key, value in told.items()}
    return tell


def release_memory() -> None:
    """Return freed memory to the system: after a training glibc keeps most of a GB in its heaps."""
    gc.collect()
    if cuda := _cuda():
        cuda.empty_cache()
    if trim := _of_glibc("malloc_trim"):
        trim(0)


@contextlib.contextmanager
def mmap_large_allocations() -> Iterator[None]:
    """Memory that is let go in the block is the system's again at once, wherever it lay.

    glibc puts blocks of up to 32 MB into its heap once it has seen such ones come and go, and a heap gives back only
    its end. While weights are packed in 4 bits, small new ones came to lie behind each large old one: 5.4 GB too much
    for a student of Phi-2's size.
    """
    tune = _of_glibc("mallopt")
    if tune:
        tune(_MMAP_THRESHOLD, 2**20)
    try:
        yield
    finally:
        if tune:  # as glibc has it by then of itself; fresh memory for every large product would cost more
            tune(_MMAP_THRESHOLD, 32 * 2**20)
            tune(_TRIM_THRESHOLD, 64 * 2**20)


def _of_glibc(name: str) -> Any:
    """A function of its memory allocator; None elsewhere, as with musl."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def freeze_gc() -> None:
    """Take all objects of now out of later collections: those of the libraries alone cost half a second each time.

    To be called before a model is loaded: what is set aside and becomes a cycle of garbage is never collected.
    """
    gc.collect()
    gc.freeze()


def _cuda() -> Any:
    """torch's CUDA side, where torch is loaded and there is a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _reset_peaks() -> bool:
    """Let the peaks begin anew; False where the resident one cannot be reset."""
    if cuda := _cuda():
        cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak_rss() -> int:
    line = next((line for line in read("/proc/self/status").splitlines() if line.startswith("VmHWM")), "")
    return int(line.split()[1]) * 1024 if line else 0
