"""The stages of a run as one line a phase: a square for each stage, and what is done, running and how long it took."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels, theme
from dashboard.view_models.stage_board import Cell, Phase
from store.formatting import escape_invisible

_SIGNS = {"finished": "✓", "running": "▶", "failed": "✗", "pending": "", "left out": labels.DASH, "stopped": "Ⅱ",
          "cancelled": "■"}


def stage_lines(phases: Sequence[Phase]) -> None:
    """Draw one line for each phase; the squares name their stage when pointed at, the text says the rest."""
    lines = "".join(f"<div>{html.escape(phase.name)}</div><div class='line'><div class='squares' aria-hidden='true'>"
                    f"{''.join(map(_square, phase.cells))}</div><div>{html.escape(_sentence(phase))}</div></div>"
                    for phase in phases)
    st.html(f"<div class='phases'>{lines}</div>")


def _square(cell: Cell) -> str:
    state = cell.state if cell.state in _SIGNS else "pending"
    took = "" if cell.seconds is None else f", {labels.duration(cell.seconds)}"
    title = html.escape(escape_invisible(f"{cell.title}: {cell.state}{took}"), quote=True)
    return f"<div style='background:{theme.WORK_FILL[state]}' title=\"{title}\">{_SIGNS[state]}</div>"


def _sentence(phase: Phase) -> str:
    """How many stages are done, which one is running or failed, and the time so far."""
    done = sum(cell.state == "finished" for cell in phase.cells)
    parts = [f"{done} of {len(phase.cells)}"]
    for cell in phase.cells:
        if cell.state in ("running", "failed", "stopped", "cancelled"):
            parts.append(f"{_SIGNS[cell.state]} {cell.title} {cell.counted}".strip())
    if seconds := sum(cell.seconds or 0.0 for cell in phase.cells):
        parts.append(labels.duration(seconds))
    return escape_invisible(" · ".join(parts))
