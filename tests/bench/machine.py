"""The machine's own limits, measured: what any way of doing the work is held against."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Limits:
    """Best of some rounds, with the threads that torch is set to."""

    bytes_per_second: float
    """Reading memory that no cache holds."""
    flops: float
    """bf16 or fp32 matrix products, large ones."""


def limits(dtype: torch.dtype) -> Limits:
    """Measure both."""
    memory = torch.ones(_BYTES // 4)
    left, right = torch.randn(2048, 2048).to(dtype), torch.randn(2048, 2048).to(dtype)
    return Limits(_BYTES / best(memory.sum, 8), 2 * 2048**3 / best(lambda: left @ right, 8))


def best(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the quickest round: others use the cores too, and only ever make it slower."""
    work()
    found = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found = min(found, time.perf_counter() - began)
    return found
