"""The latest metrics of an active run as tiles: loss, held-out loss, learning rate, memory, CPU or GPU, speed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import series_cache
from dashboard.style import labels
from store.database import Store
from store.queries import Point, Run
from store.queries.held_out_losses import HeldOutLoss

SPEEDS = ("tokens_per_second", "training_tokens_per_second")
_MEMORY = ("resident_bytes", "peak_rss_bytes")


def live_metrics(store: Store, run: Run, held_out: Sequence[HeldOutLoss]) -> None:
    """Draw the tiles; a dash where nothing was measured yet."""
    speed, loss, rate = (series_cache.newest(store, run, *keys) for keys in (SPEEDS, ("loss",), ("learning_rate",)))
    memory, use = series_cache.newest(store, run, *_MEMORY), _use(store, run)
    titles = {row.stage: row.title for row in run.flow}
    tiles = [
        ("Training loss", labels.number(loss.value) if loss else labels.DASH,
         f"Step {loss.step} of cycle {loss.cycle}; {loss.unit}." if loss else "No training step yet."),
        ("Held-out loss", labels.number(held_out[-1].value) if held_out else labels.DASH, _held_out_help(held_out)),
        ("Learning rate", f"{rate.value:.1e}" if rate and rate.value is not None else labels.DASH,
         "Of the last step: it rises over the first twentieth of a cycle and falls to zero."),
        ("Memory", f"{memory.value / 1e9:.2f} GB" if memory and memory.value is not None else labels.DASH,
         "Resident memory of the worker and its children."),
        (*use, "Measured every few seconds while a stage reports progress."),
        ("Tokens per second", f"{speed.value:,.0f}" if speed and speed.value is not None else labels.DASH,
         f"Last measured{f' in: {titles.get(speed.stage, speed.stage)}' if speed else ''}."),
    ]
    with st.grid(3, gap="small", min_column_width=140):
        for label, value, help_text in tiles:
            st.metric(label, value, border=True, height="stretch", help=help_text)


def _use(store: Store, run: Run) -> tuple[str, str]:
    """Label and value of the tile of the processor in use: the GPU where one was measured."""
    gpu, memory = (series_cache.newest(store, run, key) for key in ("gpu_percent", "gpu_allocated_bytes"))
    if gpu or memory:
        parts = [f"{gpu.value:.0f}%" if gpu and gpu.value is not None else "",
                 f"{memory.value / 1e9:.1f} GB" if memory and memory.value is not None else ""]
        return "GPU", " · ".join(filter(None, parts))
    return "CPU", _percent(series_cache.newest(store, run, "cpu_percent"))


def _percent(point: Point | None) -> str:
    return labels.DASH if point is None or point.value is None else f"{point.value:.0f}%"


def _held_out_help(held_out: Sequence[HeldOutLoss]) -> str:
    if not held_out:
        return "Mean NLL of the test's references; the untrained student is scored before the first cycle."
    last = held_out[-1]
    whose = f"after cycle {last.cycle}" if last.cycle else "untrained"
    return f"Mean NLL of the test's references, {whose}, over {labels.count(last.scored, 'question')}; nats per token."
