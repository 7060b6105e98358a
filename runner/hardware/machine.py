"""What this machine has for this process, measured. Decides nothing."""

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
# (limit, in use, statistics, the statistic that counts file cache) in cgroup version 2 and in version 1
_MEMORY_FILES = (("memory.max", "memory.current", "memory.stat", "inactive_file"),
                 ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "total_inactive_file"))


@dataclass(frozen=True)
class Gpu:
    """What a GPU reports of itself."""

    name: str
    free_bytes: int
    total_bytes: int
    bf16: bool
    """Whether it multiplies bf16 itself; emulation does not count."""


@dataclass(frozen=True)
class Machine:
    """What this process may use."""

    cores: int
    """By affinity, cgroup quota and OMP_NUM_THREADS, not by what the box has."""
    ram_total_bytes: int
    ram_available_bytes: int
    """The least of what the machine and every cgroup around this process have left."""
    gpu: str | None
    gpu_free_bytes: int
    gpu_total_bytes: int
    cpu_flags: tuple[str, ...]
    """Of those that decide how fast bf16 is."""
    gpu_bf16: bool = True


def configure_native_libraries() -> None:
    """Settings that count only before torch and its kin are first imported; later this does nothing.

    OpenMP threads sleep where they wait, after a thousand turns. Where anything else runs (the dashboard, a browser)
    spinning takes the cores from the very thread that is waited for: forward passes took 2 to 5 times as long. Never
    spinning costs a third on idle cores. A training step, two threads, idle: 1.3 s spinning, 1.4 this way, 1.8 never.
    oneDNN keeps its last 1024 products, each with its buffers, and sequences of every length make new ones: with 64 a
    training of 14 steps left 0.3 GB less behind and took as long.
    And bitsandbytes is told not to warn at its import of a CPU kernel that it would like to download.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    for cache in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):  # its own, and torch's before it
        os.environ.setdefault(cache, "64")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def report_gpu() -> Gpu | None:
    """The GPU's own report. No device file, no GPU: that spares two seconds of importing torch."""
    if sys.platform == "linux" and not any(Path(p).exists() for p in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")):
        return None
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return Gpu(torch.cuda.get_device_name(), int(free), int(total), torch.cuda.is_bf16_supported(False))


def measure(gpu_report: Callable[[], Gpu | None] = report_gpu) -> Machine:
    """Look at the machine; torch is asked only where there may be a GPU."""
    gpu, (total, available) = gpu_report() or Gpu("", 0, 0, True), ram()
    return Machine(_cores(), total, available, gpu.name or None, gpu.free_bytes, gpu.total_bytes, _cpu_flags(),
                   gpu.bf16)


def ram() -> tuple[int, int]:
    """Bytes of RAM that this process may use at all, and that are free now; the limits of its cgroups count."""
    memory, (limit, left) = psutil.virtual_memory(), cgroup_memory(_CGROUP, read("/proc/self/cgroup"))
    return min(memory.total, limit), min(memory.available, left)


def cgroup_memory(root: Path, membership: str) -> tuple[int, int]:
    """The tightest limit of the cgroups around a process, and the least that any has left.

    A limit may stand at any level above; file cache counts as free, for the kernel gives it back.

    Args:
        root: where cgroups are mounted.
        membership: the text of `/proc/self/cgroup`.
    """
    limit = left = sys.maxsize
    for folder in _cgroup_folders(root, membership):
        for limit_file, used_file, statistics, cache in _MEMORY_FILES:
            told = read(folder / limit_file).strip()
            if not told.isdigit():
                continue
            counts = dict(line.split() for line in read(folder / statistics).splitlines() if line.count(" ") == 1)
            used = int(read(folder / used_file) or 0) - int(counts.get(cache, 0))
            limit, left = min(limit, int(told)), min(left, max(0, int(told) - used))
    return limit, left


def _cgroup_folders(root: Path, membership: str) -> Iterator[Path]:
    """The process's own cgroup and all above it; in a container the root is its own."""
    for line in membership.splitlines() or ["0::/"]:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        folder = top / path.strip().lstrip("/")
        yield from (folder, *(parent for parent in folder.parents if parent == top or top in parent.parents))


def oom_kills() -> int | None:
    """How many processes the kernel has ended for want of memory since it began; None where it does not say."""
    line = next((line for line in read("/proc/vmstat").splitlines() if line.startswith("oom_kill ")), "")
    return int(line.split()[1]) if line else None


def read(path: str | Path) -> str:
    """A small file's text; nothing where it cannot be read."""
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
    """The processor's name with the flags that count; empty where the system does not say."""
    name = _told_of_cpu("model name").partition(":")[2].strip()
    return " ".join((name, *_cpu_flags())) if name else ""


def _cpu_flags() -> tuple[str, ...]:
    present = set(_told_of_cpu("flags").split())
    return tuple(flag for flag in _CPU_FLAGS if flag in present)


def _told_of_cpu(key: str) -> str:
    return next((line for line in read("/proc/cpuinfo").splitlines() if line.startswith(key)), "")
