"""Choose precision, device and batch by memory, and what to do after an OOM. Pure; every plan has its reason as text.

The *memory ladder* is the list of candidate plans for a configuration and a machine, from best to smallest:

    GPU, requested precision, then GPU, 4-bit         each with the requested batch size, then with single examples
    GPU, 4-bit, shorter sequences
    CPU, bf16 or fp32 as the benchmark found, 4-bit   each with the requested batch size, then with single examples

The first plan that fits is used; after memory ran out, the next one. A plan's index counts all candidates, including
those that do not fit at the moment, so that it can be stored and resumed from in another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from runner.hardware.machine import GB, Machine
from runner.hardware.memory_estimate import EMBEDDED, ModelDimensions, estimate_memory
from runner.hardware.precision_benchmark import PrecisionProbe

GPU_BORDER_BYTES = 4 * GB
"""With less free GPU memory than this, the CPU is used."""
MIN_SEQUENCE_TOKENS = 128
"""Sequences are not cut below this, which would leave hardly any answer to learn from."""
MAX_ANSWER_BATCH = 96
"""The largest number of questions answered at a time."""
_MUCH_SLOWER = 1.5


class InsufficientMemory(Exception):
    """No plan for this student fits on this machine."""
    error_kind = "does not fit"


class NoSmallerPlan(Exception):
    """Memory ran out with the last plan that fits; there is no smaller one."""
    error_kind = "memory ladder at its end"


@dataclass(frozen=True)
class Plan:
    """How a student is loaded, trained and run."""

    device: str
    precision: str
    batch_size: int
    """Training examples at a time; times `gradient_accumulation` this equals the configured examples per step."""
    gradient_accumulation: int
    answer_batch: int
    """Questions answered at a time."""
    threads: int
    kept_tokens: int
    """Training tokens whose activations fit in memory; smaller batches need no gradient checkpointing."""
    reason: str
    index: int = 0
    """Its position in the whole memory ladder, from 0."""
    sequence_tokens: int | None = None
    """The longest training sequence if shorter than configured; None: as configured."""


class PlanRequest(Protocol):
    """The fields of a run's configuration that determine the plan."""

    @property
    def precision(self) -> str: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def gradient_accumulation(self) -> int: ...
    @property
    def max_sequence_tokens(self) -> int: ...
    @property
    def lora_rank(self) -> int: ...
    @property
    def gpu_memory_cap_gb(self) -> float | None: ...


@dataclass(frozen=True)
class _PlanCandidate:
    """A plan of the memory ladder, not yet checked for fit."""

    device: str
    precision: str
    batch: int
    tokens: int


def plan_for(request: PlanRequest, machine: Machine, probe: PrecisionProbe, size: ModelDimensions = EMBEDDED,
             first_index: int = 0) -> Plan:
    """The first plan from `first_index` on that fits; raise `first_index` after memory ran out despite the estimate.

    Raises:
        InsufficientMemory: no plan fits.
        NoSmallerPlan: plans fit, but none from `first_index` on.
    """
    fitting = candidate_plans(request, machine, probe, size)
    found = next((plan for plan in fitting if plan.index >= first_index), None)
    if found:
        return found
    smallest = estimate_memory(size, "nf4", "cpu", 1, request.max_sequence_tokens, request.lora_rank)
    have = (f"{machine.ram_available_bytes / GB:.1f} GB of free RAM and {machine.gpu_free_bytes / GB:.1f} GB of free "
            "GPU memory")
    student = f"a student of {size.parameters / 1e6:,.0f} million parameters"
    advice = "close other programs, set a smaller --batch-size, or choose a smaller student such as 'embedded'"
    if first_index and fitting:
        raise NoSmallerPlan(f"memory ran out with plan {fitting[-1].index}, the last of the memory ladder that fits "
                            f"({have}, and {student}): {advice}")
    raise InsufficientMemory(f"there is {have}, and {student} {smallest} even in 4 bits with single examples: {advice}")


def candidate_plans(request: PlanRequest, machine: Machine, probe: PrecisionProbe,
                    size: ModelDimensions) -> tuple[Plan, ...]:
    """All plans that fit, the best first."""
    return tuple(plan for index, candidate in enumerate(_candidates(request, machine, probe))
                 if (plan := _plan(index, candidate, request, machine, probe, size)))


def cap_gpu(plan: Plan, cap_gb: float | None, machine: Machine, cuda: Any) -> None:
    """Limit this process's GPU allocations to the cap; `cuda` is `torch.cuda`, or a fake with the one function."""
    if plan.device == "cuda" and cap_gb:
        cuda.set_per_process_memory_fraction(min(1.0, cap_gb * GB / machine.gpu_total_bytes))


def _candidates(request: PlanRequest, machine: Machine, probe: PrecisionProbe) -> Iterator[_PlanCandidate]:
    tokens, batches = request.max_sequence_tokens, dict.fromkeys((request.batch_size, 1))
    if machine.gpu:
        for precision in _gpu_precisions(request.precision, machine.gpu_bf16):
            yield from (_PlanCandidate("cuda", precision, batch, tokens) for batch in batches)
        yield from (_PlanCandidate("cuda", "nf4", 1, tokens // part) for part in (2, 4)
                    if tokens // part >= MIN_SEQUENCE_TOKENS)
    for precision in _cpu_precisions(request.precision, probe):
        yield from (_PlanCandidate("cpu", precision, batch, tokens) for batch in batches)


def _plan(index: int, candidate: _PlanCandidate, request: PlanRequest, machine: Machine, probe: PrecisionProbe,
          size: ModelDimensions) -> Plan | None:
    """The candidate as a plan; None if it does not fit."""
    need = estimate_memory(size, candidate.precision, candidate.device, candidate.batch, candidate.tokens,
                           request.lora_rank)
    budget = machine.ram_available_bytes if candidate.device == "cpu" else _gpu_budget(request, machine)
    if need.total_bytes > budget:
        return None
    spare, on_cpu = budget - need.total_bytes, candidate.device == "cpu"
    accumulation = request.gradient_accumulation * (request.batch_size // candidate.batch)
    for_answers = budget - need.weights_bytes - need.libraries_bytes  # no training at the same time
    answers = max(1, min(MAX_ANSWER_BATCH, int(for_answers / _answer_bytes(size))))
    kept = int(min(spare, 1.0 * GB) / size.activation_bytes_per_token) if on_cpu else 0
    shorter = candidate.tokens if candidate.tokens < request.max_sequence_tokens else None
    where = _why_cpu(request, machine, probe, candidate.precision) if on_cpu else _why_gpu(request, machine)
    return Plan(candidate.device, candidate.precision, candidate.batch, accumulation, answers,
                machine.cores if on_cpu else 1, kept,
                f"{where}: {candidate.precision}, batch {candidate.batch} x {accumulation}"
                + (f", sequences cut to {shorter} tokens" if shorter else "") + f", {need}"
                + (f"; room for the activations of {kept} tokens" if kept else ""), index, shorter)


def _answer_bytes(size: ModelDimensions) -> float:
    """Memory of one answer being generated: KV cache of 1024 tokens, logits, and activations of a step."""
    return 4.0 * size.layers * size.hidden * 1024 + 12.0 * size.vocabulary + 0.02 * GB


def _gpu_budget(request: PlanRequest, machine: Machine) -> float:
    """GPU memory to plan with: free memory within the cap, or 0 below `GPU_BORDER_BYTES`."""
    if machine.gpu_free_bytes < GPU_BORDER_BYTES:
        return 0.0
    cap = request.gpu_memory_cap_gb
    return min(machine.gpu_free_bytes, cap * GB) if cap else machine.gpu_free_bytes


def _gpu_precisions(requested: str, bf16: bool) -> tuple[str, ...]:
    """Precisions to try, 4-bit last unless requested; bf16 is preferred to fp16, which can overflow (Phi-2's attention
    does)."""
    half = "bf16" if bf16 else "fp16"
    order = {"auto": (half, "nf4"), "nf4": ("nf4",), "fp32": ("fp32", half, "nf4"), "bf16": (half, "nf4")}
    return order.get(requested, (requested, "nf4"))


def _cpu_precisions(requested: str, probe: PrecisionProbe) -> tuple[str, ...]:
    """Precisions to try: by default bf16 first only if it is faster; 4-bit, slow on a CPU, last unless requested."""
    order = {"fp32": ("fp32", "bf16", "nf4"), "bf16": ("bf16", "nf4"), "fp16": ("bf16", "nf4"), "nf4": ("nf4",)}
    by_speed = ("bf16", "nf4") if probe.faster == "bf16" else ("fp32", "bf16", "nf4")
    return order.get(requested, by_speed)


def _why_gpu(request: PlanRequest, machine: Machine) -> str:
    cap = request.gpu_memory_cap_gb
    capped = f", capped at {cap:g} GB" if cap else ""
    half = "" if machine.gpu_bf16 else ", without bf16 of its own"
    return f"GPU {machine.gpu} with {machine.gpu_free_bytes / GB:.1f} GB free{capped}{half}"


def _why_cpu(request: PlanRequest, machine: Machine, probe: PrecisionProbe, precision: str) -> str:
    if not machine.gpu:
        gpu = "no GPU"
    elif machine.gpu_free_bytes < GPU_BORDER_BYTES:
        gpu = f"GPU has only {machine.gpu_free_bytes / GB:.1f} GB free"
    else:
        gpu = "the GPU's memory was not enough"
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    return (f"{gpu}, {cores} and {machine.ram_available_bytes / GB:.1f} GB of RAM free; "
            + _cpu_choice(request.precision, probe, precision))


def _cpu_choice(requested: str, probe: PrecisionProbe, precision: str) -> str:
    if requested == "auto":
        return probe.reason
    chosen = "fp16 is for GPUs, so bf16 instead" if requested == "fp16" else f"{requested} requested"
    slower = probe.fp32_gflops / probe.bf16_gflops if precision == "bf16" and probe.bf16_gflops else 1.0
    return chosen if slower < _MUCH_SLOWER else f"{chosen}, {slower:.0f} times slower than fp32 here ({probe.reason})"
