"""Memory of the worker around each stage of a run, as it was measured."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from store import schema
from store.database import Store

_SERIES = {"rss_before_bytes": "before_bytes", "rss_bytes": "after_bytes", "peak_rss_bytes": "peak_bytes",
           "gpu_bytes": "gpu_bytes", "gpu_reserved_bytes": "gpu_reserved_bytes", "gpu_peak_bytes": "gpu_peak_bytes"}


@dataclass(frozen=True)
class StageMemory:
    """Resident and GPU memory around one stage; None where it was not measured, or could not be."""

    cycle: int
    """0 for the stages of the run itself."""
    stage: str
    before_bytes: float | None = None
    peak_bytes: float | None = None
    """The most while the stage ran."""
    after_bytes: float | None = None
    """When what the stage was done with had been given back."""
    gpu_bytes: float | None = None
    gpu_reserved_bytes: float | None = None
    gpu_peak_bytes: float | None = None


def memory_by_stage(store: Store, run: str) -> list[StageMemory]:
    """A run's stages in the order in which they ended, each with its memory."""
    table = schema.metrics
    with store.read() as connection:
        rows = connection.execute(select(table).where(table.c.run == run, table.c.key.in_(_SERIES))
                                  .order_by(table.c.at)).all()
    found: dict[tuple[int, str], dict[str, float | None]] = {}
    for row in rows:
        found.setdefault((row.cycle, row.stage), {})[_SERIES[row.key]] = row.value
    return [StageMemory(cycle, stage, **values) for (cycle, stage), values in found.items()]
