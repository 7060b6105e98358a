"""Query the worker's memory use before, during and after each stage of a run."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store import schema
from store.database import Store

_SERIES = {"rss_before_bytes": "before_bytes", "rss_bytes": "after_bytes", "peak_rss_bytes": "peak_bytes",
           "gpu_bytes": "gpu_bytes", "gpu_reserved_bytes": "gpu_reserved_bytes", "gpu_peak_bytes": "gpu_peak_bytes"}


@dataclass(frozen=True)
class StageMemory:
    """Resident and GPU memory of one stage, in bytes; None where it was not or could not be measured."""

    cycle: int
    """0 for the stages of the run itself."""
    stage: str
    before_bytes: float | None = None
    peak_bytes: float | None = None
    """Peak while the stage ran."""
    after_bytes: float | None = None
    """After the stage released its models."""
    gpu_bytes: float | None = None
    gpu_reserved_bytes: float | None = None
    gpu_peak_bytes: float | None = None


def memory_by_stage(store: Store, run: str) -> list[StageMemory]:
    """Return the memory use of a run's stages, in the order in which they ended."""
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.run == run, table.c.key.in_(_SERIES))
                                  .order_by(table.c.at)).all()
    found: dict[tuple[int, str], dict[str, float | None]] = {}
    for row in rows:
        found.setdefault((row.cycle, row.stage), {})[_SERIES[row.key]] = row.value
    return [StageMemory(cycle, stage, **values) for (cycle, stage), values in found.items()]
