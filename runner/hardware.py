"""The memory plan: what this machine has, and how a student is held on it.

`measure` and `probe_precision` look at the machine; `ladder` and `plan_for` are pure. Every plan carries its
reason as one sentence with the numbers. Does not load models and does not know what they are used for.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from runner.student.errors import OutOfMemory

GB = 1024**3
GPU_BORDER_BYTES = 4 * GB
"""With less free GPU memory than this the CPU does the work."""
EMBEDDED_PARAMETERS = 134_515_008
BYTES_PER_WEIGHT = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "nf4": 0.65}
"""nf4: 4 bits, their scales, and the embeddings, which stay in 16 bits (Phi-2: 1.8 GB for 2.78 billion)."""
_CPU_FLAGS = ("amx_bf16", "amx_tile", "avx512_bf16", "avx512f", "avx2")
_PROBE_SHAPE = (360, 576, 1536)  # a training batch of 4 x 90 tokens through an MLP layer of the embedded student
_PROBE_SECONDS = 0.25
_CLEARLY_FASTER = 1.1


@dataclass(frozen=True)
class Machine:
    """What this process may use."""

    cores: int
    """By affinity, cgroup quota and OMP_NUM_THREADS, not by what the box has."""
    ram_total_bytes: int
    ram_available_bytes: int
    gpu: str | None
    gpu_free_bytes: int
    gpu_total_bytes: int
    cpu_flags: tuple[str, ...]
    """Of those that decide how fast bf16 is."""


@dataclass(frozen=True)
class PrecisionProbe:
    """Which number format this CPU multiplies faster, measured."""

    fp32_gflops: float
    bf16_gflops: float
    faster: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """How a student is held and worked with."""

    device: str
    precision: str
    batch_size: int
    """Training examples at a time; times `gradient_accumulation` it is what was asked for."""
    gradient_accumulation: int
    answer_batch: int
    """Questions answered at a time."""
    threads: int
    kept_tokens: int
    """Training tokens whose activations there is room to keep; below it no gradient checkpointing is needed."""
    reason: str


@dataclass(frozen=True)
class Memory:
    """Memory of this process, right now and at its peak."""

    rss_bytes: int
    peak_rss_bytes: int
    gpu_bytes: int
    gpu_peak_bytes: int


class Asked(Protocol):
    """The fields of a run's configuration that the plan depends on."""

    @property
    def precision(self) -> str: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def gradient_accumulation(self) -> int: ...
    @property
    def gpu_memory_cap_gb(self) -> float | None: ...


def settle_libraries() -> None:
    """Settings that count only before torch and its kin are first imported; later this does nothing.

    OpenMP threads sleep where they wait, after a thousand turns. Where anything else runs (the dashboard, a browser)
    spinning takes the cores from the very thread that is waited for: forward passes took 2 to 5 times as long. Never
    spinning costs a third on idle cores. A training step, two threads, idle: 1.3 s spinning, 1.4 this way, 1.8 never.
    And bitsandbytes is told not to warn at its import of a CPU kernel that it would like to download.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)


def measure() -> Machine:
    """Look at the machine; torch is asked only where there may be a GPU."""
    memory = psutil.virtual_memory()
    limit, free_of_limit = _cgroup_memory()
    gpu, gpu_free, gpu_total = _gpu()
    return Machine(_cores(), min(memory.total, limit), min(memory.available, free_of_limit), gpu, gpu_free, gpu_total,
                   _cpu_flags())


@functools.cache
def probe_precision() -> PrecisionProbe:
    """Multiply for half a second in fp32 and bf16; the best of many rounds counts, others may use the cores too."""
    rates = {name: _matmul_gflops(name) for name in ("float32", "bfloat16")}
    fp32, bf16 = rates["float32"], rates["bfloat16"]
    faster = "bf16" if bf16 > fp32 * _CLEARLY_FASTER else "fp32"
    return PrecisionProbe(fp32, bf16, faster, f"measured {bf16:.0f} GFLOP/s in bf16 and {fp32:.0f} in fp32")


def memory_now() -> Memory:
    """Memory of this process; GPU figures only where torch is loaded and uses one."""
    rss = psutil.Process().memory_info().rss
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return Memory(rss, max(rss, _peak_rss()), 0, 0)
    return Memory(rss, max(rss, _peak_rss()), torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated())


def plan_for(asked: Asked, machine: Machine, probe: PrecisionProbe, parameters: int = EMBEDDED_PARAMETERS,
             rung: int = 0) -> Plan:
    """The best plan that fits; `rung` goes that many rungs down, for memory that ran out all the same.

    Raises:
        OutOfMemory: nothing fits, or the ladder has no such rung.
    """
    rungs = ladder(asked, machine, probe, parameters)
    if rung < len(rungs):
        return rungs[rung]
    need = _need_bytes("nf4", 1, parameters, "cpu") / GB
    raise OutOfMemory(
        f"a student of {parameters / 1e6:,.0f} million parameters has {len(rungs)} ways to fit in "
        f"{machine.ram_available_bytes / GB:.1f} GB of free RAM and {machine.gpu_free_bytes / GB:.1f} GB of free GPU "
        f"memory, and rung {rung} was asked for; even in 4 bits it needs about {need:.1f} GB: free memory, or choose "
        "a smaller student such as 'embedded'")


def ladder(asked: Asked, machine: Machine, probe: PrecisionProbe, parameters: int) -> tuple[Plan, ...]:
    """Every plan that fits, the best first: GPU before CPU, the asked precision and batch before smaller ones."""
    cap = asked.gpu_memory_cap_gb
    gpu_room = min(machine.gpu_free_bytes, int(cap * GB)) if cap else machine.gpu_free_bytes
    rungs = []
    if machine.gpu and machine.gpu_free_bytes >= GPU_BORDER_BYTES:
        rungs += _rungs(asked, "cuda", _gpu_precisions(asked.precision), gpu_room, parameters, 1,
                        f"GPU {machine.gpu} with {machine.gpu_free_bytes / GB:.1f} GB free"
                        + (f", capped at {cap:g} GB" if cap else ""))
    why_cpu = f"GPU has only {machine.gpu_free_bytes / GB:.1f} GB free" if machine.gpu else "no GPU"
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    rungs += _rungs(asked, "cpu", _cpu_precisions(asked.precision, probe), machine.ram_available_bytes, parameters,
                    machine.cores, f"{why_cpu}, {cores} and {machine.ram_available_bytes / GB:.1f} GB of RAM free; "
                    + _cpu_choice(asked.precision, probe))
    return tuple(rungs)


def _rungs(asked: Asked, device: str, precisions: tuple[str, ...], room: int, parameters: int, threads: int,
           where: str) -> list[Plan]:
    """A precision with the asked batch, then with single examples, then the next precision."""
    rungs = []
    for precision in precisions:
        for batch in dict.fromkeys((asked.batch_size, 1)):
            need = _need_bytes(precision, batch, parameters, device)
            if need > room:
                continue
            accumulation = asked.gradient_accumulation * (asked.batch_size // batch)
            answers = max(1, min(96, int((room - need) / _per_row_bytes(parameters)) + batch))
            kept = _kept_tokens(room - need, parameters) if device == "cpu" else 0
            rungs.append(Plan(device, precision, batch, accumulation, answers, threads, kept,
                              f"{where}: {precision}, batch {batch} x {accumulation}, needs about {need / GB:.1f} GB"
                              + (f"; gradient checkpointing from {kept} tokens a batch up" if kept else "")))
    return rungs


def _gpu_precisions(asked: str) -> tuple[str, ...]:
    """4-bit stands last where it was not asked for, and first where it was; the rest are larger and exact."""
    order = {"auto": ("bf16", "nf4"), "nf4": ("nf4",), "fp32": ("fp32", "bf16", "nf4")}
    return order.get(asked, (asked, "nf4"))


def _cpu_precisions(asked: str, probe: PrecisionProbe) -> tuple[str, ...]:
    """bf16 by itself only where it is faster; 4-bit, slow on a CPU, where asked for or where memory is short."""
    order = {"fp32": ("fp32", "bf16", "nf4"), "bf16": ("bf16", "nf4"), "fp16": ("bf16", "nf4"), "nf4": ("nf4",)}
    by_speed = ("bf16", "nf4") if probe.faster == "bf16" else ("fp32", "bf16", "nf4")
    return order.get(asked, by_speed)


def _cpu_choice(asked: str, probe: PrecisionProbe) -> str:
    if asked == "auto":
        return probe.reason
    return "fp16 is for GPUs, so bf16 instead" if asked == "fp16" else f"{asked} asked for"


def _need_bytes(precision: str, batch: int, parameters: int, device: str) -> float:
    """A rough upper bound: weights, a merged copy to answer with, LoRA with its optimizer, activations, the libraries.

    The copy is left out on a GPU and in 4 bits, where answers come from the unmerged adapter.
    """
    weights = parameters * BYTES_PER_WEIGHT[precision]
    copies = 2 if device == "cpu" and precision != "nf4" else 1
    return weights * copies + 0.6 * GB + batch * _per_row_bytes(parameters)


def _per_row_bytes(parameters: int) -> float:
    """Activations of one sequence: grows with the model, but slower than its weights."""
    return 0.12 * GB * max(1.0, (parameters / 135e6) ** 0.5 / 2)


def _kept_tokens(spare: float, parameters: int) -> int:
    """One GB of activations at the most: the embedded student takes 1.5 MB a token, larger ones by their width."""
    return int(min(spare, 1.0 * GB) / (1.5e6 * (parameters / 135e6) ** 0.5))


def _cores() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read("/sys/fs/cgroup/cpu.max").split()
    if len(quota) == 2 and quota[0].isdigit():
        usable = min(usable, max(1, int(quota[0]) // int(quota[1])))
    wanted = os.environ.get("OMP_NUM_THREADS", "")
    return min(usable, int(wanted)) if wanted.isdigit() and int(wanted) else usable


def _cgroup_memory() -> tuple[int, int]:
    """Limit and what is left of it; file cache counts as free, for the kernel gives it back."""
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    if not limit.isdigit():
        return sys.maxsize, sys.maxsize
    stat = dict(line.split() for line in _read("/sys/fs/cgroup/memory.stat").splitlines() if line.count(" ") == 1)
    used = int(_read("/sys/fs/cgroup/memory.current") or 0) - int(stat.get("inactive_file", 0))
    return int(limit), max(0, int(limit) - used)


def _gpu() -> tuple[str | None, int, int]:
    """Name, free and total bytes. No device file, no GPU: that spares two seconds of importing torch."""
    if sys.platform == "linux" and not any(Path(p).exists() for p in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")):
        return None, 0, 0
    import torch

    if not torch.cuda.is_available():
        return None, 0, 0
    free, total = torch.cuda.mem_get_info()
    return torch.cuda.get_device_name(), int(free), int(total)


def _cpu_flags() -> tuple[str, ...]:
    line = next((line for line in _read("/proc/cpuinfo").splitlines() if line.startswith("flags")), "")
    present = set(line.split())
    return tuple(flag for flag in _CPU_FLAGS if flag in present)


def _matmul_gflops(dtype: str) -> float:
    import torch

    rows, inner, columns = _PROBE_SHAPE
    left = torch.randn(rows, inner).to(getattr(torch, dtype))
    right = torch.randn(columns, inner).to(getattr(torch, dtype))
    torch.nn.functional.linear(left, right)  # the first call chooses a kernel
    best, end = float("inf"), time.perf_counter() + _PROBE_SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        torch.nn.functional.linear(left, right)
        best = min(best, time.perf_counter() - began)
    return 2 * rows * inner * columns / best / 1e9


def _peak_rss() -> int:
    line = next((line for line in _read("/proc/self/status").splitlines() if line.startswith("VmHWM")), "")
    return int(line.split()[1]) * 1024 if line else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
