"""Benchmark bf16 against fp32 matrix products on this CPU; the result is cached per machine.

Measured, because a CPU's name and flags do not predict it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import platform
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from runner.hardware.machine import cpu_name
from store.files import write_atomic

_SHAPE = (360, 576, 1536)  # a training batch of 4 x 90 tokens through an MLP layer of the embedded student
_SECONDS = 0.25
_CLEARLY_FASTER = 1.1


@dataclass(frozen=True)
class PrecisionProbe:
    """Both measured rates, and the precision to use."""

    fp32_gflops: float
    bf16_gflops: float
    faster: str
    reason: str


@functools.cache
def probe_precision(record: Path | None = None) -> PrecisionProbe:
    """Benchmark fp32 and bf16 products for half a second; the best round counts, since the cores may be shared.

    Args:
        record: cache file; valid while processor, thread count and torch version are the same.
    """
    conditions = _conditions() if record else {}
    cached = _read(record, conditions) if record else None
    if cached:
        return cached
    rates = {name: _matmul_gflops(name) for name in ("float32", "bfloat16")}
    fp32, bf16 = rates["float32"], rates["bfloat16"]
    faster = "bf16" if bf16 > fp32 * _CLEARLY_FASTER else "fp32"
    found = PrecisionProbe(fp32, bf16, faster, f"measured {bf16:.0f} GFLOP/s in bf16 and {fp32:.0f} in fp32")
    if record:
        _write(record, conditions, found)
    return found


def _conditions() -> dict[str, str]:
    """What the measured rates depend on; the cache's key."""
    import torch

    return {"processor": cpu_name() or platform.processor(), "threads": str(torch.get_num_threads()),
            "torch": torch.__version__}


def _read(record: Path, conditions: dict[str, str]) -> PrecisionProbe | None:
    """The cached result; None if there is none, it is unreadable, or it was measured under other conditions."""
    try:
        cached = json.loads(record.read_text(encoding="utf-8"))
        if cached["conditions"] != conditions:
            return None
        found = PrecisionProbe(**cached["found"])
        return PrecisionProbe(float(found.fp32_gflops), float(found.bf16_gflops), str(found.faster),
                              f"{found.reason} on {cached['on']}")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(record: Path, conditions: dict[str, str], found: PrecisionProbe) -> None:
    """Write the cache file; if that fails, the next process measures again."""
    with contextlib.suppress(OSError):
        write_atomic(record, json.dumps({"conditions": conditions, "on": f"{datetime.now(UTC):%Y-%m-%d}",
                                         "found": asdict(found)}, indent=1).encode())


def _matmul_gflops(dtype: str) -> float:
    import torch

    rows, inner, columns = _SHAPE
    left = torch.randn(rows, inner).to(getattr(torch, dtype))
    right = torch.randn(columns, inner).to(getattr(torch, dtype))
    torch.nn.functional.linear(left, right)  # warm-up: the first call selects a kernel
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        torch.nn.functional.linear(left, right)
        best = min(best, time.perf_counter() - began)
    return 2 * rows * inner * columns / best / 1e9
