"""A small table as HTML. It needs none of the libraries that the browser loads for Streamlit's own tables."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.style import labels
from store.formatting import escape_invisible

_NARROW = 3
"""Number of columns that fit a phone; a table with more scrolls there, and can be reached by keyboard for that."""


def html_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows with the headings of their columns; cells are text, in which markup is not interpreted."""
    columns = list(rows[0]) if rows else []
    head = "".join(f"<th scope='col'>{_text(labels.heading(name))}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_text(row[name])}</td>' for name in columns)}</tr>" for row in rows)
    reached = " tabindex='0' role='region' aria-label='Table'" if len(columns) > _NARROW else ""
    return (f"<div class='static-table'{reached}><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            "</div>")


def _text(cell: object) -> str:
    return html.escape(escape_invisible(labels.DASH if cell is None else str(cell)))
