"""Which number format this CPU multiplies faster: measured, for names of CPUs say little."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

_SHAPE = (360, 576, 1536)  # a training batch of 4 x 90 tokens through an MLP layer of the embedded student
_SECONDS = 0.25
_CLEARLY_FASTER = 1.1


@dataclass(frozen=True)
class PrecisionProbe:
    """The two rates, and which is to be used."""

    fp32_gflops: float
    bf16_gflops: float
    faster: str
    reason: str


@functools.cache
def probe_precision() -> PrecisionProbe:
    """Multiply for half a second in fp32 and bf16; the best of many rounds counts, others may use the cores too."""
    rates = {name: _matmul_gflops(name) for name in ("float32", "bfloat16")}
    fp32, bf16 = rates["float32"], rates["bfloat16"]
    faster = "bf16" if bf16 > fp32 * _CLEARLY_FASTER else "fp32"
    return PrecisionProbe(fp32, bf16, faster, f"measured {bf16:.0f} GFLOP/s in bf16 and {fp32:.0f} in fp32")


def _matmul_gflops(dtype: str) -> float:
    import torch

    rows, inner, columns = _SHAPE
    left = torch.randn(rows, inner).to(getattr(torch, dtype))
    right = torch.randn(columns, inner).to(getattr(torch, dtype))
    torch.nn.functional.linear(left, right)  # the first call chooses a kernel
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        torch.nn.functional.linear(left, right)
        best = min(best, time.perf_counter() - began)
    return 2 * rows * inner * columns / best / 1e9
