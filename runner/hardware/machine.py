"""Measure the cores, RAM and GPU that this process may use."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

GB = 1024**3
_CPU_FLAGS = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2")
_CGROUP = Path("/sys/fs/cgroup")
# (limit, usage, statistics file, its file cache field) of cgroup version 2, then of version 1
_MEMORY_FILES = (("memory.max", "memory.current", "memory.stat", "inactive_file"),
                 ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file"))


@dataclass(frozen=True)
class Gpu:
    """Properties reported by a GPU."""

    name: str
    free_bytes: int
    total_bytes: int
    bf16: bool
    """Whether it supports bf16 natively; emulation does not count."""


@dataclass(frozen=True)
class Machine:
    """Resources that this process may use."""

    cores: int
    """Limited by affinity, cgroup quota and OMP_NUM_THREADS; may be fewer than the host has."""
    ram_total_bytes: int
    ram_available_bytes: int
    """The smallest of what the host and every enclosing cgroup have free."""
    gpu: str | None
    gpu_free_bytes: int
    gpu_total_bytes: int
    cpu_flags: tuple[str, ...]
    """Those present that affect the speed of bf16."""
    gpu_bf16: bool = True


def configure_native_libraries() -> None:
    """Set options of OpenMP, oneDNN and bitsandbytes; they take effect only before torch is first imported.

    Waiting OpenMP threads spin 1000 times, then sleep. When anything else runs (the dashboard, a browser), spinning
    threads take the cores from the thread they wait for: forward passes took 2 to 5 times as long. Never spinning costs
    a third on idle cores. A training step with two threads on an idle machine: 1.3 s spinning, 1.4 s with this setting,
    1.8 s never spinning.
    oneDNN caches its last 1024 primitives with their buffers, and every sequence length makes new ones: with 64 a
    training of 14 steps left 0.3 GB less resident and took as long.
    bitsandbytes is kept from warning, at import, about a CPU kernel that it could download.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    for cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):  # oneDNN's, torch's
        os.environ.setdefault(cache, "64")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def report_gpu() -> Gpu | None:
    """The GPU's properties; None without one. Without a device file torch is not imported, which saves two seconds."""
    if sys.platform == "linux" and not any(Path(p).exists() for p in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return Gpu(torch.cuda.get_device_name(), int(free), int(total), torch.cuda.is_bf16_supported(False))


def measure(gpu_report: Callable[[], Gpu | None] = report_gpu) -> Machine:
    """Measure this machine; torch is imported only if there may be a GPU."""
    gpu, (total, available) = gpu_report() or Gpu("", 0, 0, True), ram()
    return Machine(_cores(), total, available, gpu.name or None, gpu.free_bytes, gpu.total_bytes, _cpu_flags(),
                   gpu.bf16)


def ram() -> tuple[int, int]:
    """(total, available) bytes of RAM for this process, within its cgroup limits."""
    memory, (limit, cgroup_free) = psutil.virtual_memory(), cgroup_memory(_CGROUP, read("/proc/self/cgroup"))
    return min(memory.total, limit), min(memory.available, cgroup_free)


def cgroup_memory(root: Path, membership: str) -> tuple[int, int]:
    """(limit, free): the lowest limit of the enclosing cgroups and the smallest amount that any has free, in bytes.

    Any level above may set a limit. File cache counts as free, because the kernel can reclaim it.

    Args:
        root: where cgroups are mounted.
        membership: the text of `/proc/self/cgroup`.
    """
    limit = free = sys.maxsize
    for folder in _cgroup_folders(root, membership):
        for limit_file, used_file, statistics, cache in _MEMORY_FILES:
            limit_text = read(folder / limit_file).strip()
            if not limit_text.isdigit():
                continue
            counts = dict(line.split() for line in read(folder / statistics).splitlines() if line.count(" ") == 1)
            used = int(read(folder / used_file) or 0) - int(counts.get(cache, 0))
            limit, free = min(limit, int(limit_text)), min(free, max(0, int(limit_text) - used))
    return limit, free


def _cgroup_folders(root: Path, membership: str) -> Iterator[Path]:
    """Folders of the process's cgroup and its ancestors; in a container the root is its own cgroup."""
    for line in membership.splitlines() or ["0::/"]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        folder = top / path.strip().lstrip("/")
        yield from (folder, *(parent for parent in folder.parents if parent == top or top in parent.parents))


def oom_kills() -> int | None:
    """Number of processes killed by the kernel's OOM killer since boot; None if unknown."""
    line = next((line for line in read("/proc/vmstat").splitlines() if line.startswith("oom_kill ")), "")
    return int(line.split()[1]) if line else None


def read(path: str | Path) -> str:
    """A small file's text; empty if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cores() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = read(_CGROUP / "cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        usable = min(usable, max(1, int(quota[0]) // int(quota[1])))
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, int(wanted)) if wanted.isdigit() and int(wanted) else usable


def cpu_name() -> str:
    """The processor's name with its bf16-related flags; empty if unknown."""
    name = _cpuinfo("model name").partition(":")[2].strip()
    return " ".join((name, *_cpu_flags())) if name else ""


def _cpu_flags() -> tuple[str, ...]:
    present = set(_cpuinfo("flags").split())
    return tuple(flag for flag in _CPU_FLAGS if flag in present)


def _cpuinfo(key: str) -> str:
    return next((line for line in read("/proc/cpuinfo").splitlines() if line.startswith(key)), "")
