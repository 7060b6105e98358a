"""The ladder of ways to hold a student, and the first that fits. Pure; every plan carries its reason.

    GPU, asked precision -> GPU, 4-bit      each with the asked batch, then with single examples
    GPU, 4-bit, shorter sequences
    CPU, bf16 or fp32 as the probe found    each with the asked batch, then with single examples
    CPU, 4-bit
    refuse, with advice

A rung's number is its place in the whole ladder, whatever fits at the moment, so that it can be written down and
gone on from in another process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from runner.hardware.machine import GB, Machine
from runner.hardware.memory_estimate import EMBEDDED, ModelDimensions, estimate_memory
from runner.hardware.precision_benchmark import PrecisionProbe

GPU_BORDER_BYTES = 4 * GB
"""With less free GPU memory than this the CPU does the work."""
MIN_SEQUENCE_TOKENS = 128
"""Sequences are not cut below this: hardly an answer would be left to learn from."""
MAX_ANSWER_BATCH = 96
"""Questions answered at a time at the most."""


class InsufficientMemory(Exception):
    """No way of holding this student fits into this machine."""
    error_kind = "does not fit"


class NoSmallerPlan(Exception):
    """Memory ran out on the last rung that fits: there is none further down."""
    error_kind = "memory ladder at its end"


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
    index: int = 0
    """Its place in the whole ladder, from 0."""
    sequence_tokens: int | None = None
    """The longest training sequence where that is less than asked for; None: as asked."""


class PlanRequest(Protocol):
    """The fields of a run's configuration that the plan depends on."""

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
    """A step of the ladder before anybody asked whether it fits."""

    device: str
    precision: str
    batch: int
    tokens: int


def plan_for(asked: PlanRequest, machine: Machine, probe: PrecisionProbe, size: ModelDimensions = EMBEDDED,
             rung: int = 0) -> Plan:
    """The first plan from `rung` on that fits; a later rung is for memory that ran out all the same.

    Raises:
        InsufficientMemory: nothing fits at all.
        NoSmallerPlan: nothing fits from that rung on.
    """
    fitting = candidate_plans(asked, machine, probe, size)
    found = next((plan for plan in fitting if plan.index >= rung), None)
    if found:
        return found
    least = estimate_memory(size, "nf4", "cpu", 1, asked.max_sequence_tokens, asked.lora_rank)
    have = (f"{machine.ram_available_bytes / GB:.1f} GB of free RAM and {machine.gpu_free_bytes / GB:.1f} GB of free "
            f"GPU memory, and a student of {size.parameters / 1e6:,.0f} million parameters")
    advice = "close other programs, set a smaller --batch-size, or choose a smaller student such as 'embedded'"
    if rung and fitting:
        raise NoSmallerPlan(f"there is {have} has run out of them on rung {fitting[-1].index}, the last of the memory "
                            f"ladder that fits: {advice}")
    raise InsufficientMemory(f"there is {have} {least} even in 4 bits with single examples: {advice}")


def candidate_plans(asked: PlanRequest, machine: Machine, probe: PrecisionProbe, size: ModelDimensions) -> tuple[Plan,
                                                                                                                 ...]:
    """Every plan that fits, the best first."""
    return tuple(plan for number, rung in enumerate(_candidates(asked, machine, probe))
                 if (plan := _plan(number, rung, asked, machine, probe, size)))


def cap_gpu(plan: Plan, cap_gb: float | None, machine: Machine, cuda: Any) -> None:
    """Hold this process's GPU allocations under the cap; `cuda` is torch's, or anything with its one function."""
    if plan.device == "cuda" and cap_gb:
        cuda.set_per_process_memory_fraction(min(1.0, cap_gb * GB / machine.gpu_total_bytes))


def _candidates(asked: PlanRequest, machine: Machine, probe: PrecisionProbe) -> Iterator[_PlanCandidate]:
    tokens, batches = asked.max_sequence_tokens, dict.fromkeys((asked.batch_size, 1))
    if machine.gpu:
        for precision in _gpu_precisions(asked.precision, machine.gpu_bf16):
            yield from (_PlanCandidate("cuda", precision, batch, tokens) for batch in batches)
        yield from (_PlanCandidate("cuda", "nf4", 1, tokens // part) for part in (2, 4)
                    if tokens // part >= MIN_SEQUENCE_TOKENS)
    for precision in _cpu_precisions(asked.precision, probe):
        yield from (_PlanCandidate("cpu", precision, batch, tokens) for batch in batches)


def _plan(number: int, rung: _PlanCandidate, asked: PlanRequest, machine: Machine, probe: PrecisionProbe,
          size: ModelDimensions) -> Plan | None:
    """The rung as a plan; None where it does not fit."""
    need = estimate_memory(size, rung.precision, rung.device, rung.batch, rung.tokens, asked.lora_rank)
    room = machine.ram_available_bytes if rung.device == "cpu" else _gpu_budget(asked, machine)
    if need.total_bytes > room:
        return None
    spare, on_cpu = room - need.total_bytes, rung.device == "cpu"
    accumulation = asked.gradient_accumulation * (asked.batch_size // rung.batch)
    for_answers = room - need.weights_bytes - need.libraries_bytes  # nothing is trained meanwhile
    answers = max(1, min(MAX_ANSWER_BATCH, int(for_answers / _answer_bytes(size))))
    kept = int(min(spare, 1.0 * GB) / size.kept_bytes_a_token) if on_cpu else 0
    shorter = rung.tokens if rung.tokens < asked.max_sequence_tokens else None
    where = _why_cpu(asked, machine, probe) if on_cpu else _why_gpu(asked, machine)
    return Plan(rung.device, rung.precision, rung.batch, accumulation, answers, machine.cores if on_cpu else 1, kept,
                f"{where}: {rung.precision}, batch {rung.batch} x {accumulation}"
                + (f", sequences cut to {shorter} tokens" if shorter else "") + f", {need}"
                + (f"; gradient checkpointing from {kept} tokens a batch up" if kept else ""), number, shorter)


def _answer_bytes(size: ModelDimensions) -> float:
    """One answer in the making: its keys and values over 1024 tokens, its logits, what a step holds of it."""
    return 4.0 * size.layers * size.hidden * 1024 + 12.0 * size.vocabulary + 0.02 * GB


def _gpu_budget(asked: PlanRequest, machine: Machine) -> float:
    """None of it below the border."""
    if machine.gpu_free_bytes < GPU_BORDER_BYTES:
        return 0.0
    cap = asked.gpu_memory_cap_gb
    return min(machine.gpu_free_bytes, cap * GB) if cap else machine.gpu_free_bytes


def _gpu_precisions(asked: str, bf16: bool) -> tuple[str, ...]:
    """4-bit stands last where it was not asked for; 16 bits are bf16 wherever the GPU has it, because fp16 can
    overflow (Phi-2's attention does)."""
    half = "bf16" if bf16 else "fp16"
    order = {"auto": (half, "nf4"), "nf4": ("nf4",), "fp32": ("fp32", half, "nf4"), "bf16": (half, "nf4")}
    return order.get(asked, (asked, "nf4"))


def _cpu_precisions(asked: str, probe: PrecisionProbe) -> tuple[str, ...]:
    """bf16 by itself only where it is faster; 4-bit, slow on a CPU, where asked for or where memory is short."""
    order = {"fp32": ("fp32", "bf16", "nf4"), "bf16": ("bf16", "nf4"), "fp16": ("bf16", "nf4"), "nf4": ("nf4",)}
    by_speed = ("bf16", "nf4") if probe.faster == "bf16" else ("fp32", "bf16", "nf4")
    return order.get(asked, by_speed)


def _why_gpu(asked: PlanRequest, machine: Machine) -> str:
    cap = asked.gpu_memory_cap_gb
    capped = f", capped at {cap:g} GB" if cap else ""
    half = "" if machine.gpu_bf16 else ", without bf16 of its own"
    return f"GPU {machine.gpu} with {machine.gpu_free_bytes / GB:.1f} GB free{capped}{half}"


def _why_cpu(asked: PlanRequest, machine: Machine, probe: PrecisionProbe) -> str:
    if not machine.gpu:
        gpu = "no GPU"
    elif machine.gpu_free_bytes < GPU_BORDER_BYTES:
        gpu = f"GPU has only {machine.gpu_free_bytes / GB:.1f} GB free"
    else:
        gpu = "the GPU's memory was not enough"
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    return (f"{gpu}, {cores} and {machine.ram_available_bytes / GB:.1f} GB of RAM free; "
            + _cpu_choice(asked.precision, probe))


def _cpu_choice(asked: str, probe: PrecisionProbe) -> str:
    if asked == "auto":
        return probe.reason
    return "fp16 is for GPUs, so bf16 instead" if asked == "fp16" else f"{asked} asked for"
