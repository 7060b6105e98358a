"""Hardware detection, memory plans for a student, and memory use of this process.

    machine              cores, free RAM within the cgroup limits, the GPU
    precision_benchmark  whether the CPU multiplies bf16 or fp32 faster
    memory_estimate      bytes that a student needs, before it is loaded
    memory_ladder        the memory ladder: plans from best to smallest, and the first that fits
    load_timer           time spent on loading models and libraries
    process_memory       memory of this process before, during and after a stage; releasing it

Loads no models. Importing this package is cheap: torch is imported late.
"""

from __future__ import annotations

from runner.hardware.load_timer import loading_seconds, time_loading
from runner.hardware.machine import GB, Gpu, Machine, configure_native_libraries, measure, oom_kills, ram
from runner.hardware.memory_estimate import EMBEDDED, ModelDimensions, Need, estimate_memory
from runner.hardware.memory_ladder import (
    GPU_BORDER_BYTES, InsufficientMemory, NoSmallerPlan, Plan, candidate_plans, cap_gpu, plan_for,
)
from runner.hardware.precision_benchmark import PrecisionProbe, probe_precision
from runner.hardware.process_memory import (
    Memory, StageMemory, freeze_gc, memory_now, mmap_large_allocations, release_memory, share_one_heap,
    track_stage_memory,
)

__all__ = [
    "InsufficientMemory", "EMBEDDED", "GB", "GPU_BORDER_BYTES", "Gpu", "NoSmallerPlan", "Machine", "Memory", "Need",
    "Plan",
    "PrecisionProbe", "ModelDimensions", "StageMemory", "cap_gpu", "release_memory", "candidate_plans",
    "mmap_large_allocations", "measure",
    "memory_now", "estimate_memory", "oom_kills", "plan_for", "probe_precision", "ram", "loading_seconds", "freeze_gc",
    "configure_native_libraries", "share_one_heap", "time_loading", "track_stage_memory",
]
