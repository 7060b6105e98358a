"""Shared page elements: charts, badges, tables, verbatim text, export buttons, empty states.

Text written by a model, a teacher or a user is drawn by `verbatim` or `plain_text`, never as Markdown or HTML: an image
in an answer would make the viewer's browser call an external host.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.style import labels, theme
from dashboard.style.labels import StatusStyle
from dashboard.style.word_diff import diff_html
from dashboard.widgets.html_table import html_table
from store import csv_json_html
from store.formatting import escape_invisible

TableRows = Sequence[Mapping[str, Any]]
_LONGEST_CELL = 2000
"""Maximum characters of a table cell: about what an opened cell can show. Exports are not truncated."""


def page_title(title: str, purpose: str, help: str | None = None) -> None:
    """Draw the title of a page and close under it the line that says what the page is for."""
    with st.container(gap=None):
        st.title(title, help=help)
        st.caption(purpose)


def zone() -> tzinfo:
    """The time zone of the viewer's browser; UTC if unknown."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def local_time(at: datetime | None) -> str:
    """Date and time in the viewer's time zone; a dash for None."""
    return labels.when(at, zone())


def chart(figure: Callable[..., go.Figure], key: str, alt: str, *given: Any,
          version: object = None) -> None:
    """Draw `figure(*given)` over the full width; cached across sessions by its arguments.

    Building and encoding a Plotly figure takes longer than everything else on a page, so a figure of equal arguments is
    sent as it was encoded before.

    Args:
        alt: description for screen readers.
        version: a value that changes whenever `given` does, used as cache key where `given` is large.
    """
    _chart(figure, given, key, alt, _fingerprint(figure, given if version is None else version))


@st.cache_resource(max_entries=100, show_spinner=False)
def _chart(_figure: Callable[..., go.Figure], _given: tuple[Any, ...], key: str, alt: str, fingerprint: str) -> None:
    st.plotly_chart(_figure(*_given), width="stretch", key=key, config=theme.CONFIG, alt=alt)


def _fingerprint(figure: Callable[..., go.Figure], given: object) -> str:
    """Hash of the figure function and its arguments."""
    return hashlib.blake2b(pickle.dumps((figure.__module__, figure.__qualname__, given))).hexdigest()


def html_chart(figure: Callable[..., str], alt: str, *given: Any) -> None:
    """Draw `figure(alt, *given)`, a chart that is HTML and has its description in it."""
    st.html(figure(alt, *given))


def two_columns() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two columns, stacked where a chart would be too narrow to read."""
    grid = st.grid(2, min_column_width=330)
    return grid.cell(), grid.cell()


def columns_of(count: int) -> list[DeltaGenerator]:
    """That many columns, stacked where they would be too narrow to read; four never as three and one."""
    if count != 4:
        grid = st.grid(min(3, count), min_column_width=220, gap="medium")
        return [grid.cell() for _ in range(count)]
    halves = st.grid(2, min_column_width=400)
    return [quarter for _ in range(2) for quarter in _two_in(halves.cell())]


def _two_in(cell: DeltaGenerator) -> tuple[DeltaGenerator, DeltaGenerator]:
    with cell:
        inner = st.grid(2, min_column_width=190)
        return inner.cell(), inner.cell()


def badge(style: StatusStyle) -> None:
    """Draw a state as a coloured badge with its label."""
    st.badge(style.label, icon=style.icon, color=style.color)  # type: ignore[arg-type]


def plain_text(text: str) -> None:
    """Draw a line or paragraph without markup; a very long one is truncated with a note."""
    shown, note = labels.clipped(escape_invisible(text))
    st.text(f"{shown} … {note}" if note else shown)


def note(text: str) -> None:
    """Draw a small grey line without markup."""
    shown, _ = labels.clipped(escape_invisible(text))
    st.caption(labels.without_markup(shown))


def data_table(rows: TableRows, **options: Any) -> Any:
    """Draw a scrollable table; returns the result of `st.dataframe`. Cells are not interpreted and are truncated.

    Headings are capitalized; exports keep the column names.

    Args:
        options: passed to `st.dataframe`; `numbers` maps columns of values to their digits, and `signed` those of
            changes: they are shown as in texts, with a minus sign and no sign at zero, and sort as numbers. So are
            the columns named in `counts`, with commas between thousands.
    """
    forms: dict[str, Callable[[float | None], str]] = {
        **dict.fromkeys(options.pop("counts", ()), _count_text),
        **{name: partial(_number_text, form=labels.number, digits=digits)
           for name, digits in options.pop("numbers", {}).items()},
        **{name: partial(_number_text, form=labels.change, digits=digits)
           for name, digits in options.pop("signed", {}).items()}}
    cells = [{name: escape_invisible(cell)[:_LONGEST_CELL] if isinstance(cell, str) else cell for name,
              cell in row.items()}
             for row in rows]
    columns = options.pop("column_config", {})
    headed = {name: {**columns.get(name, {}), "label": labels.heading(name)} for name in (rows[0] if rows else ())}
    shown = _styled(cells, forms) if forms and cells else cells
    return st.dataframe(shown, **{"hide_index": True, "width": "stretch", "placeholder": labels.DASH,
                                  "column_config": headed, **options})


def _styled(cells: Sequence[Mapping[str, Any]], forms: Mapping[str, Callable[[float | None], str]]) -> Any:
    """A table whose columns of numbers are formatted as in texts."""
    import pandas  # late: only pages with such a table need its formatter

    frame = pandas.DataFrame(cells)
    return frame.style.format({name: form for name, form in forms.items() if name in frame.columns})


def _number_text(value: float | None, form: Callable[[float, int], str], digits: int) -> str:
    return labels.DASH if value is None or value != value else form(float(value), digits)


def _count_text(value: float | None) -> str:
    return labels.DASH if value is None or value != value else labels.whole(value)


WINDOW_ROWS = 100
"""Rows of a long list that are sent to the browser at once."""
SELECTS_ROW: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-cell"}
"""Options of `data_table` with which a click anywhere in a row, or an arrow key, selects it; see `selected_row`."""


def selected_row(state: Any, count: int, start: int = 0) -> int | None:
    """The row of a table's selected cell, or its selected row; None if there is none among the first `count` rows.

    Args:
        state: what `data_table` returned.
        count: number of rows of the table.
        start: position of its first row among all rows, which is added.
    """
    chosen = state["selection"] if state else None
    found = [*(cell[0] for cell in chosen["cells"]), *chosen["rows"]] if chosen else []
    return start + found[0] if found and found[0] < count else None


def static_table(rows: TableRows) -> None:
    """Draw a small table that shows its cells in full."""
    st.html(html_table(rows))


def verbatim(body: str | None, missing: str | None = None) -> None:
    """Draw a model's or teacher's text verbatim, or the reason why it is missing."""
    if body is None:
        plain_text(f"({missing or 'missing'})")
        return
    shown, note = labels.clipped(escape_invisible(body))
    st.code(shown or " ", language=None, wrap_lines=True)
    if note:
        st.caption(note)


def word_diff(before: str, after: str) -> None:
    """Draw the word-level diff of two texts, or a note that they are too long for one."""
    diff = diff_html(escape_invisible(before), escape_invisible(after))
    if diff is None:
        plain_text("(too long for a word diff)")
    else:
        st.html(diff)


def empty_state(sentence: str, page: str = "", label: str = "Launch a run") -> None:
    """Draw the empty state of a page.

    Args:
        sentence: what would stand here.
        page: a page's file in `app_pages/`, to which a link leads on; none if empty.
        label: the link's label.
    """
    st.info(sentence, icon=":material/inbox:")
    if page:
        st.page_link(f"app_pages/{page}.py", label=label, icon=":material/arrow_forward:")


def unfolded(label: str, key: str, icon: str) -> Any:
    """Draw an expander whose content is drawn only while it is open; returns it, or None while it is folded."""
    expander = st.expander(label, icon=icon, key=key, on_change="rerun")
    return expander if expander.open else None


def export_buttons(rows: TableRows | Callable[[], TableRows], name: str, key: str, label: str = "Export") -> None:
    """Draw a button that offers the rows as CSV, JSON and HTML; nothing if there are none.

    Args:
        rows: the rows, or a function that is called on download, for rows that are expensive to read.
    """
    if rows:
        with st.popover(label, icon=":material/download:", key=f"{key} export", type="tertiary"), \
                st.container(horizontal=True):
            _buttons(rows, name, key)


def table(rows: TableRows, name: str, key: str, exported: TableRows | None = None, **options: Any) -> None:
    """Draw a table with export buttons.

    Args:
        taken: the rows to export, if they differ from the shown ones.
        options: passed to `data_table`.
    """
    data_table(rows, **options)
    export_buttons(rows if exported is None else exported, name, key)


def _buttons(rows: TableRows | Callable[[], TableRows], name: str, key: str) -> None:
    def written(ending: str) -> Callable[[], bytes]:
        return lambda: _FORMS[ending][1](rows() if callable(rows) else rows, name)

    for ending, (kind, _) in _FORMS.items():
        st.download_button(ending.upper(), written(ending), f"{name}.{ending}", kind, icon=":material/download:",
                           key=f"{key} {ending}", on_click="ignore")


_FORMS: dict[str, tuple[str, Callable[[TableRows, str], bytes]]] = {
    "csv": ("text/csv", lambda rows, name: csv_json_html.to_csv(rows).encode("utf-8-sig")),
    "json": ("application/json", lambda rows, name: csv_json_html.to_json(rows).encode()),
    "html": ("text/html", lambda rows, name: csv_json_html.to_html(rows, name).encode()),
}
