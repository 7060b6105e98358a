"""The stage board: one row per stage in execution order, one column per cycle; pending cells are grey."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.style import labels, theme
from dashboard.view_models.stage_board import CANCELLED, LEFT_OUT, PENDING, STOPPED, Cell

_SIGNS = {"finished": "✓", "running": "▶", "failed": "✗", PENDING: "", LEFT_OUT: labels.DASH, STOPPED: "Ⅱ",
          CANCELLED: "■"}
_ORDER = (LEFT_OUT, PENDING, STOPPED, CANCELLED, "finished", "running", "failed")


def stage_board(cells: Sequence[Cell]) -> go.Figure:
    """A heatmap of cells, each with a sign and its time, so that the state does not depend on colour alone."""
    titles = list(dict.fromkeys(cell.title for cell in cells))
    columns = list(dict.fromkeys(_column(cell) for cell in sorted(cells, key=lambda cell: cell.cycle)))
    at = {(cell.title, _column(cell)): cell for cell in cells}
    grid = [[at.get((title, column)) for column in columns] for title in titles]
    heatmap = {
        "type": "heatmap", "z": [[_ORDER.index(_state(cell)) if cell else None for cell in row] for row in grid],
        "x": columns, "y": [theme.wrap_label(title) for title in titles], "zmin": -0.5, "zmax": len(_ORDER) - 0.5,
        "colorscale": _scale(), "showscale": False, "xgap": 4, "ygap": 4,
        "text": [[_text(cell) for cell in row] for row in grid], "texttemplate": "%{text}",
        "textfont": {"color": theme.ON_FILL, "size": 11},
        "customdata": [[_hover(cell) for cell in row] for row in grid],
        "hovertemplate": "%{customdata}<extra></extra>", "hoverongaps": False,
    }
    return theme.themed_figure([heatmap], 32 * len(titles) + 70, {"side": "top", "showgrid": False},
                               {"autorange": "reversed", "showgrid": False}, margin={"l": 10, "r": 10, "t": 40,
                                                                                     "b": 10})


def _state(cell: Cell) -> str:
    return cell.state if cell.state in _ORDER else PENDING


def _column(cell: Cell) -> str:
    return f"Cycle {cell.cycle}" if cell.cycle else "Run"


def _text(cell: Cell | None) -> str:
    if cell is None:
        return ""
    share = f" {cell.counted}<br>" if cell.counted else " "
    took = "" if cell.seconds is None else labels.short_duration(cell.seconds)
    return f"{_SIGNS[_state(cell)]}{share}{took}".strip()


def _hover(cell: Cell | None) -> str:
    if cell is None:
        return ""
    actor = f"<br>by the {cell.doer}" if cell.doer else ""
    error = f"<br>{theme.escaped(cell.error[:300])}" if cell.error else ""
    took = "" if cell.seconds is None else f", {labels.duration(cell.seconds)}"
    return f"{theme.escaped(cell.title)}, {_column(cell).lower()}: {cell.state}{took}{actor}{error}"


def _scale() -> list[list[object]]:
    """A stepped colour scale with one colour per state."""
    steps: list[list[object]] = []
    for at, state in enumerate(_ORDER):
        color = theme.WORK_FILL[state]
        steps += [[at / len(_ORDER), color], [(at + 1) / len(_ORDER), color]]
    return steps
