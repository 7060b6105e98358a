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

from runner.hardware.loading import seconds_loading, time_loading
from runner.hardware.machine import GB, Gpu, Machine, measure, oom_kills, ram, settle_libraries
from runner.hardware.needs import EMBEDDED, Need, Size, need_of
from runner.hardware.plans import GPU_BORDER_BYTES, DoesNotFit, LadderEnded, Plan, cap_gpu, ladder, plan_for
from runner.hardware.probe import PrecisionProbe, probe_precision
from runner.hardware.use import (
    Memory, StageMemory, give_back, large_blocks_apart, memory_now, set_imports_aside, watch_stage,
)

__all__ = [
    "DoesNotFit", "EMBEDDED", "GB", "GPU_BORDER_BYTES", "Gpu", "LadderEnded", "Machine", "Memory", "Need", "Plan",
    "PrecisionProbe", "Size", "StageMemory", "cap_gpu", "give_back", "ladder", "large_blocks_apart", "measure",
    "memory_now", "need_of", "oom_kills", "plan_for", "probe_precision", "ram", "seconds_loading", "set_imports_aside",
    "settle_libraries", "time_loading", "watch_stage",
]
