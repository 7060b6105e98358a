"""Memory use of this process, now and per stage, and functions that return memory to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from runner.hardware.machine import read

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # constants of glibc's malloc.h
StageMemory = Callable[[], Mapping[str, float]]
"""Called at a stage's end; returns series name -> bytes."""


@dataclass(frozen=True)
class Memory:
    """Current and peak memory of this process; GPU figures are 0 if torch uses no GPU."""

    rss_bytes: int
    peak_rss_bytes: int
    """Peak since the process started or the peak was last reset."""
    gpu_bytes: int
    gpu_reserved_bytes: int
    """Reserved by torch's caching allocator, in use or not."""
    gpu_peak_bytes: int


def memory_now() -> Memory:
    """Measure this process; GPU figures only if torch is imported and uses a GPU."""
    rss, cuda = psutil.Process().memory_info().rss, loaded_cuda()
    peak = max(rss, _peak_rss())
    if cuda is None:
        return Memory(rss, peak, 0, 0, 0)
    return Memory(rss, peak, cuda.memory_allocated(), cuda.memory_reserved(), cuda.max_memory_allocated())


@dataclass(eq=False)
class _Peak:
    """The most that was in use while a stage ran; the process's own peaks start anew with each stage."""

    rss_bytes: int = 0
    gpu_bytes: int = 0


_of_stages: list[_Peak] = []
"""Of the stages that run now, one unless some run at the same time."""
_peaks = threading.Lock()


def track_stage_memory() -> StageMemory:
    """Reset the peaks for a new stage; the returned function gives memory before, after and at the peak.

    All figures are the whole process's, also where another stage runs at the same time. It also releases memory. If the
    kernel does not allow resetting the resident peak, that figure is omitted.
    """
    peak = _Peak()
    with _peaks:
        _note_peaks()
        peak_was_reset = _reset_peaks()
        _of_stages.append(peak)
    before = memory_now()

    def finish() -> dict[str, float]:
        with _peaks:
            _note_peaks()
            _of_stages.remove(peak)
        release_memory()
        after = memory_now()
        figures = {"rss_before_bytes": before.rss_bytes, "rss_bytes": after.rss_bytes}
        if peak_was_reset:
            figures["peak_rss_bytes"] = peak.rss_bytes
        if loaded_cuda():
            figures |= {"gpu_bytes": after.gpu_bytes, "gpu_reserved_bytes": after.gpu_reserved_bytes,
                        "gpu_peak_bytes": peak.gpu_bytes}
        return {key: float(value) for key, value in figures.items()}
    return finish


def _note_peaks() -> None:
    now = memory_now()
    for peak in _of_stages:
        peak.rss_bytes = max(peak.rss_bytes, now.peak_rss_bytes)
        peak.gpu_bytes = max(peak.gpu_bytes, now.gpu_peak_bytes)


def release_memory() -> None:
    """Return freed memory to the system: after a training glibc keeps most of a GB in its heaps."""
    gc.collect()
    if cuda := loaded_cuda():
        cuda.empty_cache()
    if trim := _of_glibc("malloc_trim"):
        trim(0)


@contextlib.contextmanager
def mmap_large_allocations() -> Iterator[None]:
    """Allocate memory over 1 MB with mmap while in the block, so that freeing returns it to the system at once.

    glibc raises its mmap threshold up to 32 MB after such blocks are freed, and a heap can only shrink at its end.
    While weights were quantized to 4 bits, small new blocks landed behind each large old one: 5.4 GB too much for a
    student of Phi-2's size.
    """
    tune = _of_glibc("mallopt")
    if tune:
        tune(_MMAP_THRESHOLD, 2**20)
    try:
        yield
    finally:
        if tune:  # what glibc's dynamic threshold ends up at; mmap for every large product is slower
            tune(_MMAP_THRESHOLD, 32 * 2**20)
            tune(_TRIM_THRESHOLD, 64 * 2**20)


def share_one_heap() -> None:
    """Let all threads to come allocate from one heap, for a process that serves for weeks.

    glibc gives each thread a heap of its own, and each grows to the most that its thread ever needed at once.
    """
    if tune := _of_glibc("mallopt"):
        tune(_ARENA_MAX, 1)


def _of_glibc(name: str) -> Any:
    """A function of glibc's allocator; None on other platforms, such as musl."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def freeze_gc() -> None:
    """Exclude all existing objects from later garbage collections: scanning the libraries' alone takes half a second.

    Call this before a model is loaded: a frozen object that later becomes cyclic garbage is never collected.
    """
    gc.collect()
    gc.freeze()


def loaded_cuda() -> Any:
    """torch.cuda if torch is imported and there is a GPU; else None."""
    if "torch" not in sys.modules:
        return None
    import torch  # waits where another thread is importing it right now

    return torch.cuda if torch.cuda.is_available() else None


def _reset_peaks() -> bool:
    """Reset the peaks; False if the resident one cannot be reset."""
    if cuda := loaded_cuda():
        cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _peak_rss() -> int:
    line = next((line for line in read("/proc/self/status").splitlines() if line.startswith("VmHWM")), "")
    return int(line.split()[1]) * 1024 if line else 0
