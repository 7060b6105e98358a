"""Which number format this CPU multiplies faster: measured, for names of CPUs say little. Once for a machine."""

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
    """The two rates, and which is to be used."""

    fp32_gflops: float
    bf16_gflops: float
    faster: str
    reason: str


@functools.cache
def probe_precision(record: Path | None = None) -> PrecisionProbe:
    """Multiply for half a second in fp32 and bf16; the best of many rounds counts, others may use the cores too.

    Args:
        record: a file that keeps what was found, for as long as processor, threads and torch are the same.
    """
    conditions = _conditions() if record else {}
    kept = _read(record, conditions) if record else None
    if kept:
        return kept
    rates = {name: _matmul_gflops(name) for name in ("float32", "bfloat16")}
    fp32, bf16 = rates["float32"], rates["bfloat16"]
    faster = "bf16" if bf16 > fp32 * _CLEARLY_FASTER else "fp32"
    found = PrecisionProbe(fp32, bf16, faster, f"measured {bf16:.0f} GFLOP/s in bf16 and {fp32:.0f} in fp32")
    if record:
        _write(record, conditions, found)
    return found


def _conditions() -> dict[str, str]:
    """What a rate depends on."""
    import torch

    return {"processor": cpu_name() or platform.processor(), "threads": str(torch.get_num_threads()),
            "torch": torch.__version__}


def _read(record: Path, conditions: dict[str, str]) -> PrecisionProbe | None:
    """None where nothing was kept, where it cannot be read, or where it was measured under other conditions."""
    try:
        kept = json.loads(record.read_text(encoding="utf-8"))
        if kept["conditions"] != conditions:
            return None
        found = PrecisionProbe(**kept["found"])
        return PrecisionProbe(float(found.fp32_gflops), float(found.bf16_gflops), str(found.faster),
                              f"{found.reason} on {kept['on']}")
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(record: Path, conditions: dict[str, str], found: PrecisionProbe) -> None:
    """Where it cannot be kept, the next process measures again."""
    with contextlib.suppress(OSError):
        write_atomic(record, json.dumps({"conditions": conditions, "on": f"{datetime.now(UTC):%Y-%m-%d}",
                                         "found": asdict(found)}, indent=1).encode())


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
