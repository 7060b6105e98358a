"""Things that every page draws in the same way: charts, badges, verbatim text, downloads, empty states.

What a model, a teacher or a person wrote is drawn by `verbatim` or `plain`, never as Markdown or HTML: an image
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

from dashboard import export, palette, text, word_marks
from dashboard.text import Look
from store.wording import visible

Rows = Sequence[Mapping[str, Any]]
_LONGEST_CELL = 2000
"""Of a table: about what a cell that is opened can show. Exports have all."""


def zone() -> tzinfo:
    """The time zone of the viewer's browser; UTC where it names none that is known here."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def moment(at: datetime | None) -> str:
    """A moment in the viewer's time zone; a dash where there is none."""
    return text.when(at, zone())


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
    st.plotly_chart(_figure(*_given), width="stretch", key=key, config=palette.CONFIG, alt=alt)


def _fingerprint(figure: Callable[..., go.Figure], given: object) -> str:
    """Another one where any value is another."""
    return hashlib.blake2b(pickle.dumps((figure.__module__, figure.__qualname__, given))).hexdigest()


def halves() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two places beside each other; one below the other where a chart would be too narrow to be read."""
    grid = st.grid(2, min_column_width=330)
    return grid.cell(), grid.cell()


def badge(look: Look) -> None:
    """A state as a coloured badge with its word."""
    st.badge(look.word, icon=look.icon, color=look.color)  # type: ignore[arg-type]


def plain(words: str) -> None:
    """One line or paragraph of text that somebody wrote, as it is; one that is far too long says where it ends."""
    shown, note = text.clipped(visible(words))
    st.text(f"{shown} … {note}" if note else shown)


def frame(rows: Rows, **options: Any) -> Any:
    """A table of texts and numbers; what somebody wrote stands in its cells as it is, and the longest cut.

    Headings begin with a capital letter; what is taken along keeps the names of its columns as they are.

    Args:
        options: as `st.dataframe` has them; what it returns is returned.
    """
    cells = [{name: visible(cell)[:_LONGEST_CELL] if isinstance(cell, str) else cell for name, cell in row.items()}
             for row in rows]
    columns = options.pop("column_config", {})
    headed = {name: {**columns.get(name, {}), "label": text.heading(name)} for name in (rows[0] if rows else ())}
    return st.dataframe(cells, **{"hide_index": True, "width": "stretch", "placeholder": text.DASH,
                                 "column_config": headed, **options})


def words_table(rows: Rows) -> None:
    """A small table whose cells are read whole, with the headings that every table has."""
    st.table([{text.heading(name): cell for name, cell in row.items()} for row in rows], hide_index=True)


def verbatim(body: str | None, missing: str | None = None) -> None:
    """A text that a model or teacher wrote, exactly as it is; or why it is missing."""
    if body is None:
        plain(f"({missing or 'missing'})")
        return
    shown, note = text.clipped(visible(body))
    st.code(shown or " ", language=None, wrap_lines=True)
    if note:
        st.caption(note)


def marked(before: str, after: str) -> None:
    """What differs between two texts; or that they are too long to be compared word by word."""
    found = word_marks.marked(visible(before), visible(after))
    if found is None:
        plain("(too long to compare word by word)")
    else:
        st.html(found)


def empty(sentence: str) -> None:
    """A page's empty state."""
    st.info(sentence, icon=":material/inbox:")


def take_along(rows: Rows | Callable[[], Rows], name: str, key: str, label: str = "Export") -> None:
    """The rows as CSV, JSON and HTML behind one small button; nothing where there are none. What costs much is made
    when it is asked for."""
    if rows:
        with st.popover(label, icon=":material/download:", key=f"{key} export", type="tertiary"), \
                st.container(horizontal=True):
            _buttons(rows, name, key)


def table(rows: Rows, name: str, key: str, taken: Rows | None = None, **options: Any) -> None:
    """A small table to look at and to take along.

    Args:
        taken: what is taken along, where that is more than what is shown.
        options: as `frame` has them.
    """
    frame(rows, **options)
    take_along(rows if taken is None else taken, name, key)


def _buttons(rows: Rows | Callable[[], Rows], name: str, key: str) -> None:
    def written(ending: str) -> Callable[[], bytes]:
        return lambda: _FORMS[ending][1](rows() if callable(rows) else rows, name)

    for ending, (kind, _) in _FORMS.items():
        st.download_button(ending.upper(), written(ending), f"{name}.{ending}", kind, icon=":material/download:",
                           key=f"{key} {ending}", on_click="ignore")


_FORMS: dict[str, tuple[str, Callable[[Rows, str], bytes]]] = {
    "csv": ("text/csv", lambda rows, name: export.to_csv(rows).encode("utf-8-sig")),
    "json": ("application/json", lambda rows, name: export.to_json(rows).encode()),
    "html": ("text/html", lambda rows, name: export.to_html(rows, name).encode()),
}
