"""Things that every page draws in the same way: charts, badges, verbatim text, downloads, empty states.

What a model, a teacher or a person wrote is drawn by `verbatim` or `plain_text`, never as Markdown or HTML: an image
in an answer would make the viewer's browser call a foreign host.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.style import labels, theme
from dashboard.style.labels import StatusStyle
from dashboard.style.word_diff import diff_html
from dashboard.view_models import export_rows
from store.formatting import escape_invisible

TableRows = Sequence[Mapping[str, Any]]
_LONGEST_CELL = 2000
"""Of a table: about what a cell that is opened can show. Exports have all."""


def zone() -> tzinfo:
    """The time zone of the viewer's browser; UTC where it names none that is known here."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def local_time(at: datetime | None) -> str:
    """A moment in the viewer's time zone; a dash where there is none."""
    return labels.when(at, zone())


def chart(figure: Callable[..., go.Figure], key: str, alt: str, *given: Any,
          known_by: object = None) -> None:
    """The figure of what is given, over the full width, with a description for those who do not see it.

    Plotly takes longer to build and encode one than everything else on a page together: a chart of the same values is
    sent again as it was drawn before, in whatever session that was.

    Args:
        known_by: stands for what is given where that is much: another value whenever any of it is another.
    """
    _chart(figure, given, key, alt, _fingerprint(figure, given if known_by is None else known_by))


@st.cache_resource(max_entries=100, show_spinner=False)
def _chart(_figure: Callable[..., go.Figure], _given: tuple[Any, ...], key: str, alt: str, fingerprint: str) -> None:
    st.plotly_chart(_figure(*_given), width="stretch", key=key, config=theme.CONFIG, alt=alt)


def _fingerprint(figure: Callable[..., go.Figure], given: object) -> str:
    """Another one where any value is another."""
    return hashlib.blake2b(pickle.dumps((figure.__module__, figure.__qualname__, given))).hexdigest()


def two_columns() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two places beside each other; one below the other where a chart would be too narrow to be read."""
    grid = st.grid(2, min_column_width=330)
    return grid.cell(), grid.cell()


def badge(look: StatusStyle) -> None:
    """A state as a coloured badge with its word."""
    st.badge(look.word, icon=look.icon, color=look.color)  # type: ignore[arg-type]


def plain_text(words: str) -> None:
    """One line or paragraph of text that somebody wrote, as it is; one that is far too long says where it ends."""
    shown, note = labels.clipped(escape_invisible(words))
    st.text(f"{shown} … {note}" if note else shown)


def data_table(rows: TableRows, **options: Any) -> Any:
    """A table of texts and numbers; what somebody wrote stands in its cells as it is, and the longest cut.

    Headings begin with a capital letter; what is taken along keeps the names of its columns as they are.

    Args:
        options: as `st.dataframe` has them; what it returns is returned.
    """
    cells = [{name: escape_invisible(cell)[:_LONGEST_CELL] if isinstance(cell, str) else cell for name,
              cell in row.items()}
             for row in rows]
    columns = options.pop("column_config", {})
    headed = {name: {**columns.get(name, {}), "label": labels.heading(name)} for name in (rows[0] if rows else ())}
    return st.dataframe(cells, **{"hide_index": True, "width": "stretch", "placeholder": labels.DASH,
                                  "column_config": headed, **options})


def static_table(rows: TableRows) -> None:
    """A small table whose cells are read whole, with the headings that every table has."""
    st.table([{labels.heading(name): cell for name, cell in row.items()} for row in rows], hide_index=True)


def verbatim(body: str | None, missing: str | None = None) -> None:
    """A text that a model or teacher wrote, exactly as it is; or why it is missing."""
    if body is None:
        plain_text(f"({missing or 'missing'})")
        return
    shown, note = labels.clipped(escape_invisible(body))
    st.code(shown or " ", language=None, wrap_lines=True)
    if note:
        st.caption(note)


def word_diff(before: str, after: str) -> None:
    """What differs between two texts; or that they are too long to be compared word by word."""
    found = diff_html(escape_invisible(before), escape_invisible(after))
    if found is None:
        plain_text("(too long to compare word by word)")
    else:
        st.html(found)


def empty_state(sentence: str) -> None:
    """A page's empty state."""
    st.info(sentence, icon=":material/inbox:")


def export_buttons(rows: TableRows | Callable[[], TableRows], name: str, key: str, label: str = "Export") -> None:
    """The rows as CSV, JSON and HTML behind one small button; nothing where there are none. What costs much is made
    when it is asked for."""
    if rows:
        with st.popover(label, icon=":material/download:", key=f"{key} export", type="tertiary"), \
                st.container(horizontal=True):
            _buttons(rows, name, key)


def table(rows: TableRows, name: str, key: str, taken: TableRows | None = None, **options: Any) -> None:
    """A small table to look at and to take along.

    Args:
        taken: what is taken along, where that is more than what is shown.
        options: as `data_table` has them.
    """
    data_table(rows, **options)
    export_buttons(rows if taken is None else taken, name, key)


def _buttons(rows: TableRows | Callable[[], TableRows], name: str, key: str) -> None:
    def written(ending: str) -> Callable[[], bytes]:
        return lambda: _FORMS[ending][1](rows() if callable(rows) else rows, name)

    for ending, (kind, _) in _FORMS.items():
        st.download_button(ending.upper(), written(ending), f"{name}.{ending}", kind, icon=":material/download:",
                           key=f"{key} {ending}", on_click="ignore")


_FORMS: dict[str, tuple[str, Callable[[TableRows, str], bytes]]] = {
    "csv": ("text/csv", lambda rows, name: export_rows.to_csv(rows).encode("utf-8-sig")),
    "json": ("application/json", lambda rows, name: export_rows.to_json(rows).encode()),
    "html": ("text/html", lambda rows, name: export_rows.to_html(rows, name).encode()),
}
