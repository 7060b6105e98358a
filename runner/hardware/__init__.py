"""The memory plan: what this machine has, how a student is held on it, and what memory is in use.

    machine   measures: cores, free RAM within the cgroup's limits, the GPU
    probe     which number format the CPU multiplies faster
    needs     weights, adapter, optimizer and activations of a student, in bytes, before anything is loaded
    plans     the ladder of ways to hold it, and the first that fits: pure
    loading   the time that goes into loading
    use       memory of this process around a stage; freed memory given back

Does not load models and does not know what they are used for. Importing this costs nothing: torch is asked late.
"""

from __future__ import annotations

from runner.hardware.load_timer import loading_seconds, time_loading
from runner.hardware.machine import GB, Gpu, Machine, configure_native_libraries, measure, oom_kills, ram
from runner.hardware.memory_estimate import EMBEDDED, ModelDimensions, Need, estimate_memory
from runner.hardware.memory_plan import (
    GPU_BORDER_BYTES, InsufficientMemory, NoSmallerPlan, Plan, candidate_plans, cap_gpu, plan_for,
)
from runner.hardware.precision_benchmark import PrecisionProbe, probe_precision
from runner.hardware.process_memory import (
    Memory, StageMemory, freeze_gc, memory_now, mmap_large_allocations, release_memory, track_stage_memory,
)

__all__ = [
    "InsufficientMemory", "EMBEDDED", "GB", "GPU_BORDER_BYTES", "Gpu", "NoSmallerPlan", "Machine", "Memory", "Need",
    "Plan",
    "PrecisionProbe", "ModelDimensions", "StageMemory", "cap_gpu", "release_memory", "candidate_plans",
    "mmap_large_allocations", "measure",
    "memory_now", "estimate_memory", "oom_kills", "plan_for", "probe_precision", "ram", "loading_seconds", "freeze_gc",
    "configure_native_libraries", "time_loading", "track_stage_memory",
]
