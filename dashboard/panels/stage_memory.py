"""Table of memory use before, during and after each stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.widgets import elements
from store.queries.memory import StageMemory

_GB = st.column_config.NumberColumn(format="%.2f")


def stage_memory_table(stages: Sequence[StageMemory], titles: Mapping[str, str]) -> None:
    """Draw one row per stage, in GB; GPU columns only if a GPU was used."""
    gpu = any(stage.gpu_peak_bytes is not None for stage in stages)
    rows = [_row(stage, titles, gpu) for stage in stages]
    elements.data_table(rows, column_config={name: _GB for name in rows[0] if name.endswith("GB")})


def _row(stage: StageMemory, titles: Mapping[str, str], gpu: bool) -> dict[str, object]:
    row: dict[str, object] = {
        "cycle": str(stage.cycle) if stage.cycle else "run", "stage": titles.get(stage.stage, stage.stage),
        "before, GB": _gb(stage.before_bytes), "peak, GB": _gb(stage.peak_bytes), "after, GB": _gb(stage.after_bytes)}
    if gpu:
        row |= {"GPU peak, GB": _gb(stage.gpu_peak_bytes), "GPU reserved, GB": _gb(stage.gpu_reserved_bytes),
                "GPU after, GB": _gb(stage.gpu_bytes)}
    return row


def _gb(value: float | None) -> float | None:
    return None if value is None else value / 1e9
